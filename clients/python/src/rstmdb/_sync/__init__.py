"""The blocking client. client.py and subscription.py are made from the asyncio one by
tools/generate_sync.py; the rest is written by hand, because it is where blocking differs."""
