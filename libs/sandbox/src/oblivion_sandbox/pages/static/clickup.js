// The ClickUp page: creating and changing tasks and comments as a person.
"use strict";

const list = document.querySelector("main").dataset.list;
const drawer = document.querySelector("[data-task]");
const taskPath = drawer && `/clickup/control/tasks/${drawer.dataset.task}`;

function fieldsOf(form) {
  const due = form.elements.due.value;
  return {
    user: sandbox.person(),
    name: form.elements.name.value.trim(),
    status: form.elements.status.value,
    priority: form.elements.priority.value ? Number(form.elements.priority.value) : null,
    due_date: due ? Date.parse(`${due}T12:00:00Z`) : null,
    markdown_content: form.elements.description.value,
    tags: form.elements.tags.value.split(",").map((tag) => tag.trim()).filter(Boolean),
  };
}

function chosen(form, checked) {
  return [...form.querySelectorAll("[name=assignees]")]
    .filter((box) => box.checked === checked)
    .map((box) => Number(box.value));
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    sandbox.say("Copied. Type it in the Slack channel that is to show the list.");
  } catch {
    sandbox.say(`Copy this: ${text}`);
  }
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (form.matches(".inline-edit")) return;
  event.preventDefault();
  if (form.matches("[data-new-task]")) {
    await sandbox.send("POST", "/clickup/control/tasks",
      { ...fieldsOf(form), list_id: list, assignees: chosen(form, true) });
    form.reset();
    form.querySelector("details").open = false;
    form.elements.name.focus();
  } else if (form.matches("[data-task-form]")) {
    const fields = fieldsOf(form);
    // The form knows the day alone: an unchanged one keeps its hour.
    if (form.elements.due.value === form.elements.due.defaultValue) delete fields.due_date;
    await sandbox.send("PATCH", taskPath,
      { ...fields, assignees: { add: chosen(form, true), rem: chosen(form, false) } });
    const target = form.elements.list.value;
    if (target !== list) {
      await sandbox.send("POST", `${taskPath}/move`, { list_id: target, user: sandbox.person() });
      location.href = `/clickup?list=${target}&task=${drawer.dataset.task}`;
      return;
    }
    delete form.closest("[data-part]").dataset.dirty;
    sandbox.say("Saved.");
    await sandbox.refresh();
  } else if (form.matches("[data-new-comment]")) {
    const text = form.elements.text.value.trim();
    if (!text) return;
    await sandbox.send("POST", `${taskPath}/comments`, { user: sandbox.person(), text });
    form.reset();
  }
});

document.addEventListener("input", (event) => {
  const form = event.target.closest("[data-task-form]");
  if (form) form.closest("[data-part]").dataset.dirty = "";
});

document.addEventListener("click", async (event) => {
  const target = event.target.closest("button");
  if (!target) return;
  const comment = target.closest("[data-comment]");
  const path = comment && `/clickup/control/comments/${comment.dataset.comment}`;
  if ("editComment" in target.dataset) {
    sandbox.edit(comment.querySelector(".comment-text"), target.dataset.editComment, (text) =>
      sandbox.send("PATCH", path, { text, user: sandbox.person() }));
  } else if ("replyTo" in target.dataset) {
    const place = comment.querySelector("[data-reply-place]");
    sandbox.edit(place, "", (text) => text.trim() && sandbox.send("POST", `${path}/replies`, { text, user: sandbox.person() }), "Reply");
  } else if ("copy" in target.dataset) {
    await copied(target.dataset.copy);
  } else if ("deleteComment" in target.dataset) {
    if (confirm("Delete this comment?")) await sandbox.send("DELETE", path);
  } else if ("deleteTask" in target.dataset) {
    if (!confirm("Delete this task?")) return;
    await sandbox.send("DELETE", taskPath);
    location.href = `/clickup?list=${list}`;
  }
});

document.addEventListener("keydown", (event) => {
  const comment = event.target.closest("[data-new-comment] textarea");
  if (comment && event.key === "Enter" && (event.ctrlKey || event.metaKey)) comment.form.requestSubmit();
});
