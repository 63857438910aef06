from tests.adapters.drone_gateway.conftest import environ, founded, launch, station

__all__ = ["environ", "founded", "launch", "station"]
