"""A camera of GStreamer's RTSP server, which is Debian's: to be run by Debian's own Python, `gst_camera.py PORT`.

H.264 and sound at rtsp://127.0.0.1:PORT/north, for as many as like; nothing of ours is in it.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

PICTURE = "videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=180,framerate=15/1"
CODED = "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=15 ! h264parse config-interval=-1"
SOUND = "audiotestsrc is-live=true wave=ticks ! audio/x-raw,rate=8000,channels=1 ! alawenc ! rtppcmapay name=pay1 pt=8"

Gst.init(None)
server = GstRtspServer.RTSPServer(service=sys.argv[1])
server.set_address("127.0.0.1")
factory = GstRtspServer.RTSPMediaFactory()
factory.set_launch(f"( {PICTURE} ! {CODED} ! rtph264pay name=pay0 pt=96 {SOUND} )")
factory.set_shared(True)
server.get_mount_points().add_factory("/north", factory)
server.attach(None)
print("ready", flush=True)
GLib.MainLoop().run()
