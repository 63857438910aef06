"""Synthetic cameras over RTSP, for the demonstration and the tests. What they send is FFmpeg's: picture, coding, RTP
and RTCP; only RTSP itself (RFC 2326, interleaved in TCP) is written here, since FFmpeg has no server of it."""
