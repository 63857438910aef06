"""The demonstration's drone: a simulated copter that speaks MAVLink 2 and acts on commands.

It behaves like ArduCopter where the gateway can tell (modes, arming checks, RTL, fence, automatic
disarming) and shares no code with the gateway, so that each tests the other.
"""

import os

os.environ["MAVLINK20"] = "1"  # read by pymavlink when it is imported
