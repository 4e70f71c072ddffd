// The Slack page: posting, replying, editing and deleting as a person.
"use strict";

const channel = document.querySelector("main").dataset.channel;
const channelPath = `/slack/control/channels/${channel}`;

function showOwnActions() {
  const me = sandbox.person();
  for (const action of document.querySelectorAll("[data-owner]")) action.hidden = action.dataset.owner !== me;
}

for (const form of document.querySelectorAll("[data-composer]")) {
  const box = form.elements.text;
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); form.requestSubmit(); }
  });
  box.addEventListener("input", () => { box.rows = Math.min(8, box.value.split("\n").length); });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = box.value.trim();
    if (!text) return;
    const inThread = "inThread" in form.dataset;
    await sandbox.send("POST", `${channelPath}/messages`, {
      user: sandbox.person(),
      text,
      typed: true,
      thread_ts: inThread ? document.querySelector("[data-thread]").dataset.thread : null,
      broadcast: inThread && form.elements.broadcast.checked,
    });
    form.reset();
    box.rows = 1;
    const log = form.parentElement.querySelector("[data-part]");
    log.scrollTop = log.scrollHeight;
  });
}

document.addEventListener("click", async (event) => {
  const target = event.target.closest("button");
  if (!target) return;
  const message = target.closest("[data-ts]");
  const path = message && `${channelPath}/messages/${message.dataset.ts}`;
  if ("edit" in target.dataset) {
    sandbox.edit(message.querySelector(".text, .blocks"), target.dataset.edit, (text) =>
      sandbox.send("PATCH", path, { text, typed: true }));
  } else if ("delete" in target.dataset) {
    if (confirm("Delete this message?")) await sandbox.send("DELETE", path);
  } else if ("press" in target.dataset) {
    const answer = await sandbox.send("POST", "/slack/control/interactions", {
      channel, ts: message.dataset.ts, user: sandbox.person(),
      action_id: target.dataset.press, value: target.dataset.value,
    });
    sandbox.say(answer.status === 200 ? "The app took your click." : "The app did not answer.");
  } else if ("invite" in target.dataset) {
    await sandbox.send("POST", `${channelPath}/members`, { user: "oblivion", inviter: sandbox.person() });
    location.reload();
  }
});

document.body.addEventListener("person", showOwnActions);
document.addEventListener("refreshed", showOwnActions);
document.addEventListener("DOMContentLoaded", () => {
  showOwnActions();
  for (const log of document.querySelectorAll(".messages")) log.scrollTop = log.scrollHeight;
  const named = location.hash && document.getElementById(location.hash.slice(1));
  if (named) { named.classList.add("named"); named.scrollIntoView({ block: "center" }); }
  const reply = document.getElementById("reply");
  if (reply) reply.focus();
});
