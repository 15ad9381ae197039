"""The client for asyncio. client.py and subscription.py are also the source of the blocking one."""
