"""Files that verbs write for people, as `string.Template` texts."""
