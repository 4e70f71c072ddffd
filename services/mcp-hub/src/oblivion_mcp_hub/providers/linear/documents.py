"""The GraphQL documents that are sent; what is looked for goes along as variables, never inside the text."""

_ISSUE = """
id identifier title url priorityLabel dueDate updatedAt
state { name type }
team { key name }
assignee { displayName name }
"""

VIEWER = "query Viewer { viewer { name displayName email } organization { name } }"

TEAMS = """
query Teams { teams(first: 100) { nodes { id key name states(first: 50) { nodes { id name type } } } } }
"""

PEOPLE = """
query People($words: String!) {
  users(first: 10, filter: { name: { containsIgnoreCase: $words } }) { nodes { id name displayName email } }
}
"""

ME = "query Me { viewer { id } }"

ISSUES = (
    "query Issues($filter: IssueFilter, $first: Int!, $after: String) {"
    " issues(filter: $filter, first: $first, after: $after, orderBy: updatedAt) {"
    f" nodes {{ {_ISSUE} }} pageInfo {{ hasNextPage endCursor }} }} }}"
)

ISSUE = "query Issue($id: String!) { issue(id: $id) { id identifier team { id } } }"

SEARCH = (
    "query Search($term: String!, $first: Int!, $after: String) {"
    " searchIssues(term: $term, first: $first, after: $after, includeComments: true) {"
    f" nodes {{ {_ISSUE} }} pageInfo {{ hasNextPage endCursor }} }} }}"
)

CREATE = (
    "mutation Create($input: IssueCreateInput!) {"
    f" issueCreate(input: $input) {{ success issue {{ {_ISSUE} }} }} }}"
)

UPDATE = (
    "mutation Update($id: String!, $input: IssueUpdateInput!) {"
    f" issueUpdate(id: $id, input: $input) {{ success issue {{ {_ISSUE} }} }} }}"
)

COMMENT = """
mutation Comment($input: CommentCreateInput!) {
  commentCreate(input: $input) { success comment { id url issue { identifier } } }
}
"""
