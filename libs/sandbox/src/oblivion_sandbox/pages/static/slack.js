// The Slack page: what a person does in channels, threads, the app's own places, and its forms.
"use strict";

const main = document.querySelector("main");
const channel = main.dataset.channel;
const channelPath = `/slack/control/channels/${channel}`;
const threadPane = document.querySelector("[data-thread]");

function showOwnActions() {
  const me = sandbox.person();
  for (const action of document.querySelectorAll("[data-owner]")) action.hidden = action.dataset.owner !== me;
}

async function post(text, inThread, broadcast) {
  if (text.startsWith("/")) {
    if (inThread) { sandbox.say("Slash commands do not work in threads."); return false; }
    const [command, ...rest] = text.split(" ");
    await sandbox.send("POST", "/slack/control/commands", {
      command, text: rest.join(" ").trim(), channel, user: sandbox.person(),
    });
    return true;
  }
  await sandbox.send("POST", `${channelPath}/messages`, {
    user: sandbox.person(), text, typed: true, broadcast,
    thread_ts: inThread ? threadPane.dataset.thread : null,
  });
  return true;
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
    if (!await post(text, inThread, inThread && Boolean(form.elements.broadcast?.checked))) return;
    form.reset();
    box.rows = 1;
    const log = form.parentElement.querySelector("[data-part]");
    log.scrollTop = log.scrollHeight;
  });
}

// The dialog that a button's `confirm` asks for; resolves to whether the person agrees.
function agreed(json) {
  if (!json) return Promise.resolve(true);
  const words = JSON.parse(json);
  const dialog = document.createElement("dialog");
  dialog.className = "confirm";
  const add = (tag, text, className) => {
    const made = document.createElement(tag);
    made.textContent = text;
    made.className = className || "";
    return made;
  };
  const row = add("div", "", "inline-edit-buttons");
  const no = add("button", words.deny?.text || "Cancel", "button");
  const yes = add("button", words.confirm?.text || "Yes", `button ${words.style === "danger" ? "danger" : "primary"}`);
  row.append(no, yes);
  dialog.append(add("h2", words.title?.text || "Are you sure?"), add("p", words.text?.text || ""), row);
  document.body.append(dialog);
  return new Promise((resolve) => {
    const done = (answer) => { dialog.close(); dialog.remove(); resolve(answer); };
    no.addEventListener("click", () => done(false));
    yes.addEventListener("click", () => done(true));
    dialog.addEventListener("cancel", () => done(false));
    dialog.showModal();
  });
}

async function use(target, actionId, value) {
  if (!await agreed(target.dataset.confirm)) return;
  const view = target.closest("[data-view]");
  const message = target.closest("[data-ts]");
  const place = view ? { view_id: view.dataset.view } : { channel, ts: message.dataset.ts };
  told(await sandbox.send("POST", "/slack/control/interactions", {
    ...place, user: sandbox.person(), action_id: actionId, value: value || null,
  }));
}

function told(answer) {
  if (answer.error || answer.status >= 300) sandbox.say("The app did not answer.");
}

const clicks = {
  edit: (target, message, path) => sandbox.edit(message.querySelector(".text, .blocks"), target.dataset.edit,
    (text) => sandbox.send("PATCH", path, { text, typed: true })),
  delete: async (target, message, path) => {
    if (confirm("Delete this message?")) await sandbox.send("DELETE", path);
  },
  press: (target) => use(target, target.dataset.press, target.dataset.value),
  invite: async () => {
    await sandbox.send("POST", `${channelPath}/members`, { user: "oblivion", inviter: sandbox.person() });
    location.reload();
  },
  stop: async () => {
    await sandbox.send("POST", `${channelPath}/threads/${threadPane.dataset.thread}/stop`, { user: sandbox.person() });
    sandbox.say("You asked the app to stop.");
  },
  shortcut: async (target, message) => {
    target.closest("details").open = false;
    told(await sandbox.send("POST", "/slack/control/shortcuts", {
      callback_id: target.dataset.shortcut, channel, ts: message.dataset.ts, user: sandbox.person(),
    }));
  },
  react: async (target, message, path) => {
    target.closest("details").open = false;
    await sandbox.send("POST", `${path}/reactions`, { name: target.dataset.react, user: sandbox.person() });
  },
  prompt: (target) => post(target.dataset.prompt, false, false),
  closeView: (target) => closeView(target.closest("[data-view]").dataset.view),
};

document.addEventListener("click", async (event) => {
  for (const menu of document.querySelectorAll(".message-menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
  const target = event.target.closest("button");
  if (!target) return;
  const message = target.closest("[data-ts]");
  const path = message && `${channelPath}/messages/${message.dataset.ts}`;
  for (const [name, act] of Object.entries(clicks)) {
    if (name in target.dataset) { await act(target, message, path); return; }
  }
});

document.addEventListener("change", async (event) => {
  const target = event.target.closest("[data-pick]");
  if (!target || !target.value) return;
  await use(target, target.dataset.pick, target.value);
  target.value = "";
});

// Forms

async function closeView(viewId) {
  document.activeElement.blur();
  await sandbox.send("POST", `/slack/control/views/${viewId}/close`, { user: sandbox.person() });
  await sandbox.refresh();
}

function valuesOf(form) {
  const values = {};
  for (const block of form.querySelectorAll("[data-block]")) {
    const boxes = [...block.querySelectorAll("input[type=checkbox]")];
    const single = block.querySelector("input, textarea, select");
    const value = boxes.length ? boxes.filter((box) => box.checked).map((box) => box.value) : single.value;
    values[block.dataset.block] = { [single.name]: value };
  }
  return values;
}

function showErrors(form, errors) {
  for (const block of form.querySelectorAll("[data-block]")) {
    const line = block.querySelector(".field-error");
    line.textContent = errors[block.dataset.block] || "";
    line.hidden = !errors[block.dataset.block];
  }
}

function missing(form) {
  const errors = {};
  for (const block of form.querySelectorAll("[data-block]")) {
    if (block.querySelector(".optional")) continue;
    const filled = [...block.querySelectorAll("input, textarea, select")]
      .some((box) => box.type === "checkbox" ? box.checked : box.value);
    if (!filled) errors[block.dataset.block] = "Please complete this field.";
  }
  return errors;
}

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("[data-view-form]");
  if (!form) return;
  event.preventDefault();
  const errors = missing(form);
  showErrors(form, errors);
  if (Object.keys(errors).length) return;
  const viewId = form.closest("[data-view]").dataset.view;
  const answer = await sandbox.send("POST", `/slack/control/views/${viewId}/submit`,
    { user: sandbox.person(), values: valuesOf(form) });
  if (Object.keys(answer.errors).length) { showErrors(form, answer.errors); return; }
  told(answer);
  document.activeElement.blur();
  await sandbox.refresh();
});

document.addEventListener("keydown", (event) => {
  const view = event.key === "Escape" && document.querySelector(".modal[data-view]");
  if (view && !document.querySelector("dialog[open]")) closeView(view.dataset.view);
});

// What has just appeared

function prepareModal(root) {
  for (const select of root.querySelectorAll("select[data-initial]")) select.value = select.dataset.initial;
  const modal = root.querySelector(".modal");
  if (modal && !modal.contains(document.activeElement)) (modal.querySelector(".field input, .field textarea, .field select") || modal).focus();
}

// A passing status ends by itself, and its loading messages take turns.
function prepareActivity(root) {
  const status = root.querySelector("[data-left]");
  if (!status) return;
  setTimeout(sandbox.refresh, Number(status.dataset.left) * 1000 + 100);
  const lines = JSON.parse(status.dataset.loading || "[]");
  const text = status.querySelector("[data-loading-text]");
  let turn = 0;
  const rotate = () => {
    if (!text.isConnected) return;
    text.textContent = lines[turn++ % lines.length];
    setTimeout(rotate, 2500);
  };
  if (lines.length) rotate();
}

document.addEventListener("refreshed", (event) => {
  showOwnActions();
  if (event.target.id === "modal") prepareModal(event.target);
  if (event.target.id === "activity") prepareActivity(event.target);
});

function lookAtApp() {
  if (!("dm" in main.dataset)) return;
  sandbox.send("POST", `/slack/control/users/${sandbox.person()}/home`, { tab: main.dataset.tab });
}

document.body.addEventListener("person", () => {
  showOwnActions();
  if ("dm" in main.dataset) location.href = `/slack?channel=dm&tab=${main.dataset.tab}`;
  else sandbox.refresh();
});

document.addEventListener("DOMContentLoaded", () => {
  showOwnActions();
  lookAtApp();
  document.querySelector(".channel-list [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  prepareModal(document.getElementById("modal"));
  const activity = document.getElementById("activity");
  if (activity) prepareActivity(activity);
  for (const log of document.querySelectorAll(".messages:not(.home)")) log.scrollTop = log.scrollHeight;
  const named = location.hash && document.getElementById(location.hash.slice(1));
  if (named) { named.classList.add("named"); named.scrollIntoView({ block: "center" }); }
  const reply = document.getElementById("reply");
  if (reply && !document.querySelector(".modal")) reply.focus();
});
