"""EMULATOR: the local api.video: the same addresses, limits and errors as the real one, with scripted faults."""

from vidup.emulator.faults import Fault, parse_fault
from vidup.emulator.ledger import Record
from vidup.emulator.limits import RateLimit, parse_rate_limit
from vidup.emulator.server import Emulator, VideoView

__all__ = ["Emulator", "Fault", "RateLimit", "Record", "VideoView", "parse_fault", "parse_rate_limit"]
