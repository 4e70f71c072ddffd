"""API v2: which path answers what."""

from oblivion_sandbox.clickup.api import comments, places, tasks, webhooks
from oblivion_sandbox.clickup.call import Answer

# Verb, path below /clickup/api/v2, handler.
ROUTES: tuple[tuple[str, str, Answer], ...] = (
    ("GET", "/task/{task_id}", tasks.get_task),
    ("PUT", "/task/{task_id}", tasks.update_task),
    ("DELETE", "/task/{task_id}", tasks.delete_task),
    ("GET", "/task/{task_id}/comment", comments.get_comments),
    ("POST", "/task/{task_id}/comment", comments.create_comment),
    ("PUT", "/comment/{comment_id}", comments.update_comment),
    ("DELETE", "/comment/{comment_id}", comments.delete_comment),
    ("GET", "/comment/{comment_id}/reply", comments.get_replies),
    ("POST", "/comment/{comment_id}/reply", comments.create_reply),
    ("POST", "/task/{task_id}/tag/{tag_name}", tasks.add_tag),
    ("DELETE", "/task/{task_id}/tag/{tag_name}", tasks.remove_tag),
    ("GET", "/list/{list_id}/task", tasks.get_tasks),
    ("POST", "/list/{list_id}/task", tasks.create_task),
    ("GET", "/list/{list_id}", places.get_list),
    ("GET", "/list/{list_id}/member", places.get_list_members),
    ("GET", "/user", places.get_user),
    ("GET", "/team", places.get_teams),
    ("GET", "/team/{team_id}/space", places.get_spaces),
    ("GET", "/space/{space_id}", places.get_space),
    ("GET", "/space/{space_id}/folder", places.get_folders),
    ("GET", "/space/{space_id}/list", places.get_lists_of_space),
    ("GET", "/folder/{folder_id}", places.get_folder),
    ("GET", "/folder/{folder_id}/list", places.get_lists_of_folder),
    ("GET", "/team/{team_id}/webhook", webhooks.get_webhooks),
    ("POST", "/team/{team_id}/webhook", webhooks.create_webhook),
    ("PUT", "/webhook/{webhook_id}", webhooks.update_webhook),
    ("DELETE", "/webhook/{webhook_id}", webhooks.delete_webhook),
)
