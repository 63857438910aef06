"""Drones over MAVLink 2: links, signed frames, vehicles, commands.

`gateway.Gateway` is the way in. It does not know what it talks to, and it knows nothing of
flights, authority or events: it reports what a vehicle does and sends what it is told to.
"""
