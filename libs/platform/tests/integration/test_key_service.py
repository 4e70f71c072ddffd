"""A process whose keys a key service wraps: asked over a real socket, once for each key, at the start."""

import asyncio
import base64
import json
import os
import sys
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import pytest

from oblivion_platform.crypto import generate_key

pytestmark = pytest.mark.integration

MASTER, PREVIOUS = generate_key(), generate_key()
PLUG = """
import base64, json, os, urllib.request

def unwrap(wrapped):
    body = json.dumps({"CiphertextBlob": wrapped}).encode()
    request = urllib.request.Request(os.environ["KMS_URL"], body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return base64.b64decode(json.load(answer)["Plaintext"]).decode()

def forgets(wrapped):
    return None

def tells(wrapped):
    raise RuntimeError("canary " + wrapped)

CONSTANT = 1
"""
PROCESS = """
from oblivion_platform.settings import MasterKeySettings, load
settings = load(MasterKeySettings)
print(settings.master_key.get_secret_value(), settings.master_keys_previous.get_secret_value())
print(len(settings.master_key_ring().derived("x")))
"""


class KeyService:
    """Knows what each wrapped key is; `silent` keeps it from answering."""

    def __init__(self) -> None:
        self.keys = {"wrapped-master": MASTER, "wrapped-previous": PREVIOUS}
        self.asked: list[str] = []
        self.silent = False
        self.url = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
        wrapped = json.loads(await reader.readexactly(length))["CiphertextBlob"]
        self.asked.append(wrapped)
        if self.silent:
            await reader.read()  # Until the process gives up.
        else:
            plain = base64.b64encode(self.keys[wrapped].encode()).decode()
            body = json.dumps({"Plaintext": plain}).encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
            await writer.drain()
        writer.close()


@pytest.fixture
async def kms() -> AsyncGenerator[KeyService]:
    service = KeyService()
    server = await asyncio.start_server(service.answer, "127.0.0.1", 0)
    service.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with server:
        yield service


@pytest.fixture
def start(kms: KeyService, tmp_path: Path) -> Callable[..., object]:
    (tmp_path / "our_kms.py").write_text(PLUG)
    (tmp_path / "broken_kms.py").write_text("raise RuntimeError('canary')")

    async def run(plug: str, key: str = "wrapped-master", **more: str) -> tuple[int, str]:
        environment = {
            **os.environ,
            "PYTHONPATH": str(tmp_path),
            "KMS_URL": kms.url,
            "OBLIVION_KEY_SERVICE": plug,
            "OBLIVION_MASTER_KEY": key,
            **more,
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            PROCESS,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        assert process.returncode is not None
        return process.returncode, said.decode()

    return run


async def test_each_key_is_unwrapped_once(start, kms):
    code, said = await start("our_kms:unwrap", OBLIVION_MASTER_KEYS_PREVIOUS="wrapped-previous")
    assert (code, said.split()) == (0, [MASTER, PREVIOUS, "2"])
    assert sorted(kms.asked) == ["wrapped-master", "wrapped-previous"]


@pytest.mark.parametrize(
    ("plug", "sentence"),
    [
        ("our_kms", "OBLIVION_KEY_SERVICE is not of the form package.module:function"),
        ("nobodys_kms:unwrap", "OBLIVION_KEY_SERVICE names nothing that can be loaded here"),
        ("our_kms:nothing", "OBLIVION_KEY_SERVICE names nothing that can be loaded here"),
        ("..our_kms:unwrap", "OBLIVION_KEY_SERVICE names nothing that can be loaded here"),
        ("broken_kms:unwrap", "OBLIVION_KEY_SERVICE names nothing that can be loaded here (RuntimeError)"),
        ("our_kms:CONSTANT", "OBLIVION_KEY_SERVICE names no function"),
        ("our_kms:forgets", "OBLIVION_MASTER_KEY was not opened: the key service answered with NoneType"),
        ("our_kms:tells", "OBLIVION_MASTER_KEY was not opened: the key service answered with RuntimeError"),
    ],
)
async def test_a_plug_that_does_not_work_is_told_and_no_key_with_it(start, plug, sentence):
    code, said = await start(plug)
    assert (code, sentence in said) == (2, True), said
    assert "canary" not in said
    assert "wrapped-master" not in said


async def test_a_key_service_that_is_away_is_told(start, kms):
    code, said = await start("our_kms:unwrap", KMS_URL="http://127.0.0.1:9/")
    assert (code, "the key service answered with URLError" in said) == (2, True), said


async def test_a_key_service_that_says_nothing_holds_nobody_up(start, kms):
    kms.silent = True
    code, said = await start("our_kms:unwrap")
    assert (code, "did not answer within 10 s" in said) == (2, True), said


async def test_what_it_returns_has_to_be_a_key(start, kms):
    kms.keys["wrapped-master"] = "no key"
    code, said = await start("our_kms:unwrap")
    assert (code, "OBLIVION_MASTER_KEY is not base64" in said or "bytes long" in said) == (2, True), said
