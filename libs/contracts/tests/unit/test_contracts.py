import pytest
from pydantic import ValidationError

from oblivion_contracts.export import contracts, drift
from oblivion_contracts.jobs import ProcessEvent
from oblivion_contracts.mappings import FilterKind, MappingOptions, MessageFilter


def test_committed_schemas_match_the_models() -> None:
    assert drift() == []
    assert {"ProcessEvent", "MappingOptions", "Problem"} <= {contract.__name__ for contract in contracts()}


def test_a_job_refuses_a_field_it_does_not_know() -> None:
    with pytest.raises(ValidationError, match="text"):
        ProcessEvent.model_validate(
            {
                "event_id": "00000000-0000-0000-0000-000000000001",
                "tenant_id": "00000000-0000-0000-0000-000000000002",
                "text": "must stay in Postgres",
            }
        )


def test_default_mapping_filters_by_the_clickup_keyword() -> None:
    options = MappingOptions()
    assert options.filter == MessageFilter(kind=FilterKind.KEYWORD, keyword="#clickup")
    assert options.mirror_comments


def test_a_metadata_filter_without_event_type_says_what_is_missing() -> None:
    with pytest.raises(ValidationError, match="needs event_type"):
        MessageFilter(kind=FilterKind.METADATA)
