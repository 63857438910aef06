"""RTSP (RFC 2326) as cameras speak it, with RTP interleaved in TCP (§10.12) and digest authentication (RFC 2617)."""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

from infra.camera.filming import Filming

MOST_UNSENT = 8 << 20  # bytes; a viewer that takes no more is let go
_AUTH = re.compile(r'(\w+)="([^"]*)"')


@dataclass
class Camera:
    """`user`: and password, where it asks for them."""

    filming: Filming
    user: str = ""
    password: str = ""
    viewers: set[Viewer] = field(default_factory=set)

    def send(self, packet: bytes) -> None:
        """A packet of the picture to all who play it. Called in the server's loop."""
        channel = 1 if 192 <= packet[1] <= 223 else 0
        framed = struct.pack(">cBH", b"$", channel, len(packet)) + packet
        for viewer in list(self.viewers):
            viewer.send(framed)


class Viewer:
    """A connection to one of the cameras."""

    def __init__(
        self, cameras: Mapping[str, Camera], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._cameras, self._reader, self._writer = cameras, reader, writer
        self._session, self._nonce = secrets.token_hex(8), secrets.token_hex(16)
        self._camera: Camera | None = None

    async def serve(self) -> None:
        try:
            while head := await self._request():
                method, path, headers = head
                self._writer.write(self._answer(method, path, headers))
                await self._writer.drain()
                if method == "TEARDOWN":
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            if self._camera is not None:
                self._camera.viewers.discard(self)
            self._writer.close()

    async def _request(self) -> tuple[str, str, dict[str, str]] | None:
        """The next request; what a viewer reports over RTCP in between is let pass."""
        while (first := await self._reader.readexactly(1)) == b"$":
            _, size = struct.unpack(">BH", await self._reader.readexactly(3))
            await self._reader.readexactly(size)
        text = (first + await self._reader.readuntil(b"\r\n\r\n")).decode("ascii", "replace")
        line, *rest = text.strip().split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (each.partition(":") for each in rest)}
        if size := int(headers.get("content-length", 0)):
            await self._reader.readexactly(size)
        words = line.split(" ")
        return (words[0], words[1], headers) if len(words) == 3 else None

    def _answer(self, method: str, url: str, headers: Mapping[str, str]) -> bytes:
        path = re.sub(r"^rtsp://[^/]*/?", "", url).rstrip("/")
        name = path.removesuffix("/video").removesuffix("/audio")
        camera = self._cameras.get(name)
        if method == "OPTIONS":
            return self._said(headers, "200 OK", "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER")
        if camera is None:
            return self._said(headers, "404 Not Found")
        if camera.user and not self._knows(camera, method, headers.get("authorization", "")):
            ask = f'WWW-Authenticate: Digest realm="camera", nonce="{self._nonce}"'
            return self._said(headers, "401 Unauthorized", ask)
        if method == "DESCRIBE":
            body = camera.filming.description("127.0.0.1")
            return self._said(headers, "200 OK", f"Content-Base: {url}/", "Content-Type: application/sdp", body=body)
        if method == "SETUP":
            if "TCP" not in headers.get("transport", ""):
                return self._said(headers, "461 Unsupported Transport")
            channels = "2-3" if path.endswith("/audio") else "0-1"
            transport = f"Transport: RTP/AVP/TCP;unicast;interleaved={channels}"
            return self._said(headers, "200 OK", transport, f"Session: {self._session};timeout=60")
        if method == "PLAY":
            self._camera = camera
            camera.viewers.add(self)
        return self._said(headers, "200 OK", f"Session: {self._session}")

    def _said(self, request: Mapping[str, str], status: str, *headers: str, body: str = "") -> bytes:
        lines = [f"RTSP/1.0 {status}", f"CSeq: {request.get('cseq', '0')}", *headers]
        if body:
            lines.append(f"Content-Length: {len(body.encode())}")
        return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()

    def _knows(self, camera: Camera, method: str, said: str) -> bool:
        given = dict(_AUTH.findall(said))
        who = _md5(f"{camera.user}:camera:{camera.password}")
        what = _md5(f"{method}:{given.get('uri', '')}")
        return secrets.compare_digest(given.get("response", ""), _md5(f"{who}:{self._nonce}:{what}"))

    def send(self, framed: bytes) -> None:
        if self._writer.is_closing():
            return
        if self._writer.transport.get_write_buffer_size() > MOST_UNSENT:
            self._writer.transport.abort()
        else:
            self._writer.write(framed)


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


async def serve(cameras: Mapping[str, Camera], host: str, port: int) -> asyncio.Server:
    """`cameras` by path: `rtsp://host:port/PATH`."""
    return await asyncio.start_server(lambda r, w: Viewer(cameras, r, w).serve(), host, port)
