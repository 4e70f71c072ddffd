"""Every change that a person makes leaves a line, in the transaction of the change."""

from oblivion_platform.operations.audit import Actor as Actor
from oblivion_platform.operations.audit import note as note
from oblivion_platform.operations.audit import note_hourly as note_hourly
