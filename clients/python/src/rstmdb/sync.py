"""The blocking client: the same methods, without await. No event loop and no thread is hidden in
it; threads may share a Client, and `pool_size` says how many of them can be served at once."""

from ._sync.client import Client, connect
from ._sync.subscription import Subscription

__all__ = ["Client", "Subscription", "connect"]
