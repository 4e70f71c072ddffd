// Shared by both pages: requests to the control API, live refresh of parts, local times, a toast.
"use strict";

const sandbox = {
  async send(verb, path, body) {
    const response = await fetch(path, {
      method: verb,
      headers: { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const answer = await response.json();
    if (!response.ok) {
      sandbox.say(answer.err || answer.detail || answer.error || "That did not work.");
      throw new Error(answer.error || answer.err || response.status);
    }
    return answer;
  },

  say(text) {
    const toast = document.querySelector(".toast");
    toast.textContent = text;
    toast.hidden = false;
    clearTimeout(sandbox.toastTimer);
    sandbox.toastTimer = setTimeout(() => { toast.hidden = true; }, 5000);
  },

  // A part that someone is editing is left alone until they are done.
  isBusy(part) {
    const active = document.activeElement;
    const inForm = part.contains(active) && active.closest("form") !== null;
    const inUse = part.querySelector("[data-editing], .message-menu[open]") !== null;
    return inForm || inUse || part.matches("[data-dirty]");
  },

  // How to find the focused link or button again in a part that was written anew.
  focusIn(part) {
    const active = document.activeElement;
    if (!part.contains(active) || part === active) return () => null;
    const holder = active.closest("[data-ts], [data-comment]");
    if (!holder) return () => part.querySelector(`a[href="${CSS.escape(active.getAttribute("href") || "")}"]`);
    const [name, key] = holder.dataset.ts ? ["ts", holder.dataset.ts] : ["comment", holder.dataset.comment];
    const place = [...holder.querySelectorAll("a, button")].indexOf(active);
    return () => part.querySelector(`[data-${name}="${CSS.escape(key)}"]`)?.querySelectorAll("a, button")[place];
  },

  async refresh() {
    for (const part of document.querySelectorAll("[data-part]")) {
      if (sandbox.isBusy(part)) continue;
      const url = new URL(location.href);
      url.searchParams.set("part", part.dataset.part);
      const response = await fetch(url);
      if (!response.ok || response.redirected) continue;
      const text = await response.text();
      if (part.dataset.seen === text || sandbox.isBusy(part)) continue;
      const atEnd = part.scrollHeight - part.scrollTop - part.clientHeight < 60;
      const focused = sandbox.focusIn(part);
      part.dataset.seen = text;
      part.innerHTML = text; // Rendered and escaped by the server.
      sandbox.localTimes(part);
      focused()?.focus({ preventScroll: true });
      if (atEnd) part.scrollTop = part.scrollHeight;
      part.dispatchEvent(new CustomEvent("refreshed", { bubbles: true }));
    }
  },

  localTimes(root) {
    for (const time of root.querySelectorAll("time[datetime]")) {
      const moment = new Date(time.dateTime);
      const thisYear = moment.getFullYear() === new Date().getFullYear();
      const day = { month: "short", day: "numeric", ...(thisYear ? {} : { year: "numeric" }) };
      const hour = { hour: "2-digit", minute: "2-digit" };
      const today = moment.toDateString() === new Date().toDateString();
      time.title = moment.toLocaleString();
      time.textContent = "day" in time.dataset
        ? moment.toLocaleDateString([], day)
        : today ? moment.toLocaleTimeString([], hour) : moment.toLocaleString([], { ...day, ...hour });
    }
  },

  watch() {
    const source = new EventSource(`/${document.body.dataset.side}/live`);
    let running = Promise.resolve();
    source.onmessage = () => { running = running.then(sandbox.refresh).catch(() => {}); };
  },

  person() {
    return document.getElementById("person").value;
  },

  rememberPerson() {
    const choice = document.getElementById("person");
    const known = localStorage.getItem("sandbox-person");
    if (known && [...choice.options].some((option) => option.value === known)) choice.value = known;
    // The server shows what only this person may see.
    const note = () => { document.cookie = `sandbox_person=${choice.value}; path=/; SameSite=Strict`; };
    note();
    choice.addEventListener("change", () => {
      localStorage.setItem("sandbox-person", choice.value);
      note();
      document.body.dispatchEvent(new CustomEvent("person"));
    });
  },

  // Replaces an element by a small form for its text; Escape gives up.
  edit(element, text, save, label = "Save") {
    const form = document.createElement("form");
    const box = document.createElement("textarea");
    const row = document.createElement("div");
    form.className = "inline-edit";
    form.dataset.editing = "";
    box.value = text;
    box.rows = Math.min(8, text.split("\n").length + 1);
    box.setAttribute("aria-label", label === "Save" ? "Edit text" : label);
    row.className = "inline-edit-buttons";
    const button = (label, type, kind) => {
      const made = document.createElement("button");
      made.type = type;
      made.className = `button ${kind}`;
      made.textContent = label;
      row.append(made);
      return made;
    };
    button(label, "submit", "primary");
    const done = () => { form.replaceWith(element); sandbox.refresh(); };
    button("Cancel", "button", "").addEventListener("click", done);
    form.append(box, row);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      await save(box.value);
      done();
    });
    box.addEventListener("keydown", (event) => {
      if (event.key === "Escape") done();
      if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); form.requestSubmit(); }
    });
    element.replaceWith(form);
    box.focus();
  },
};

// What changed while a form was in use is shown once it is left.
document.addEventListener("focusout", () => { setTimeout(sandbox.refresh, 50); });

document.addEventListener("DOMContentLoaded", () => {
  sandbox.rememberPerson();
  sandbox.localTimes(document);
  sandbox.watch();
});
