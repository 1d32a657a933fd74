"""Real clients and servers: one door for the simulator's own server, a proxy and middleware.

Nothing here is imported by ``import wsim``; python-socketio and aiohttp are loaded when a
server starts.
"""
