"""This machine: Python, the home directory, the port, the keys, and whether the system runs at all."""

import os
import stat
import sys

from oblivion_cli.doctor.finding import Finding, failed, ok, skipped, warning
from oblivion_cli.doctor.patient import Patient
from oblivion_cli.errors import CommandFailed
from oblivion_cli.up.ports import is_free
from oblivion_platform.crypto import decode_key

OLDEST_PYTHON = (3, 11)
OTHERS = stat.S_IRWXG | stat.S_IRWXO


class PythonVersion:
    name = "python"

    async def run(self, patient: Patient) -> list[Finding]:
        del patient
        found = ".".join(map(str, sys.version_info[:3]))
        if sys.version_info < OLDEST_PYTHON:
            return failed(f"Python {found} is too old.", "Use Python 3.11 or newer.")
        return ok(f"Python {found}.")


class HomeDirectory:
    name = "home"

    async def run(self, patient: Patient) -> list[Finding]:
        root = patient.access.home.root
        if not root.exists():
            return skipped(f"{root} does not exist yet; `oblivion up` makes it.")
        if not os.access(root, os.W_OK | os.X_OK):
            return failed(f"{root} cannot be written.", "Set OBLIVION_HOME to a directory of yours.")
        return ok(f"{root} can be written.")


class Running:
    name = "running"

    async def run(self, patient: Patient) -> list[Finding]:
        access = patient.access
        if access.settings.database_url is not None:
            return skipped("The environment names a system elsewhere.")
        if access.running is None:
            return failed("Oblivion does not run here.", "Start it with `oblivion up`.")
        if not access.running.ready:
            return warning("Oblivion is just starting here.", "Wait for its banner, then ask again.")
        return ok(f"Oblivion runs at {access.running.base_url} (process {access.running.pid}).")


class Port:
    name = "port"

    async def run(self, patient: Patient) -> list[Finding]:
        running = patient.access.running
        if running is not None and running.ready:
            if running.port == running.wanted_port:
                return ok(f"Port {running.port} is ours.")
            return warning(
                f"Port {running.wanted_port} was taken by another program; we serve on {running.port}.",
                f"Use {running.base_url}, or end that program and start Oblivion again.",
            )
        if not is_free(patient.wanted_port):
            return failed(
                f"Port {patient.wanted_port} is taken by another program.",
                "`oblivion up` takes a free one; to choose, end that program or use `oblivion up --port`.",
            )
        return ok(f"Port {patient.wanted_port} is free.")


class Keys:
    name = "keys"

    async def run(self, patient: Patient) -> list[Finding]:
        access = patient.access
        if access.settings.database_url is not None:
            return skipped("The keys are those of the environment.")
        secrets = access.secrets
        if secrets is None:
            return skipped("No keys yet; `oblivion up` makes them.")
        for name, key in (("master", secrets.master_key), ("signing", secrets.signing_key)):
            try:
                decode_key(key)
            except ValueError as error:
                return failed(
                    f"The {name} key in {access.home.secrets_file} {error}.",
                    "Restore that file from a backup; without it stored tokens cannot be read.",
                )
        if access.home.secrets_file.stat().st_mode & OTHERS:
            return warning(
                f"Others on this machine may read {access.home.secrets_file}.",
                f"Run: chmod 600 {access.home.secrets_file}",
            )
        return ok("The keys are there, for our eyes only.")


class StoredSecrets:
    name = "stored secrets"

    async def run(self, patient: Patient) -> list[Finding]:
        """Open every live token and signing secret: a changed key shows here and not at the next message."""
        from oblivion_cli.usecases.integrations import list_integrations
        from oblivion_cli.usecases.vault import Vault
        from oblivion_platform.crypto import DecryptionFailed

        admin = await patient.admin()
        try:
            async with admin.database.tenant(admin.tenant.id) as tx:
                vault = await Vault.open(
                    tx, admin.tenant.id, admin.access.master_keys, admin.access.signing_keys
                )
                found = [each for each in await list_integrations(tx) if each.state == "active"]
                for integration in found:
                    kind = "slack_bot_token" if integration.source == "slack" else "clickup_token"
                    await vault.credential(integration.id, kind)
                    await vault.signing_secrets(integration.id)
        except DecryptionFailed as error:
            return failed(
                f"A stored secret cannot be opened with the keys that are set ({error.message}).",
                "Set OBLIVION_MASTER_KEY and OBLIVION_SIGNING_KEY back to what they were "
                "(add the former one to …_KEYS_PREVIOUS), or connect Slack and ClickUp again.",
            )
        except CommandFailed as error:
            return failed(error.sentence, error.fix)
        return ok("Stored tokens and secrets open with our keys.")
