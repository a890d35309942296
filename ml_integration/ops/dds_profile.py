"""Writes settings of Fast DDS that let large messages through shared memory."""

from __future__ import annotations

import re

import numpy as np

from ml_integration.errors import SettingError
from ml_integration.ops.pixel_formats import pixel_format

LEAST_SEGMENT_BYTES = 16 * 2**20
LEAST_QUEUE = 2048
MAX_SEGMENT_BYTES = 2**32 - 1
FRAGMENT_BYTES = 64_000
"""Fast DDS cuts messages into pieces of nearly 64 KiB, also those for shared memory."""
HELD = 2.5
"""Messages that a segment holds: one that is written while others still read the one before."""
_SIZE = re.compile(r'(\d{1,6})[xX](\d{1,6})|(\d{1,12})')
_TEMPLATE = """\
<?xml version="1.0" encoding="UTF-8"?>
<!-- Lets messages of {largest:.1f} MB through Fast DDS's shared memory (2.14, Jazzy; 3.x, Kilted).

     Without it the segment has 0.5 MB, one VGA image overflows it, and best-effort subscribers
     see next to nothing. The publishing process needs the segment; where messages have more
     than 30 MB, the subscribing process needs the longer queue:

       export FASTRTPS_DEFAULT_PROFILES_FILE=.../{name}   # 2.14, Jazzy
       export FASTDDS_DEFAULT_PROFILES_FILE=.../{name}    # 3.x, Kilted

     The segment is memory of /dev/shm that every process with this profile takes. The verb
     dds-profile of ml_model writes one for messages of any size. -->
<dds xmlns="http://www.eprosima.com">
  <profiles>
    <transport_descriptors>
      <transport_descriptor>
        <transport_id>large_shared_memory</transport_id>
        <type>SHM</type>
        <segment_size>{segment}</segment_size>
        <port_queue_capacity>{queue}</port_queue_capacity>
      </transport_descriptor>
      <transport_descriptor>
        <transport_id>other_hosts</transport_id>
        <type>UDPv4</type>
      </transport_descriptor>
    </transport_descriptors>
    <participant profile_name="large_messages" is_default_profile="true">
      <rtps>
        <userTransports>
          <transport_id>large_shared_memory</transport_id>
          <transport_id>other_hosts</transport_id>
        </userTransports>
        <useBuiltinTransports>false</useBuiltinTransports>
        <builtin>
          <discovery_config>
            <!-- A new node often misses the answers of those that are there, and learns of them
                 from their next regular announcement: every second, not every 3 s. That brings
                 it its first image 1.5 s sooner and costs 1 ms of CPU per second. -->
            <leaseAnnouncement>
              <sec>1</sec>
              <nanosec>0</nanosec>
            </leaseAnnouncement>
            <!-- The first announcements of a new node often meet others that are not ready for
                 them: say it for 2 s, not for 0.5. -->
            <initialAnnouncements>
              <count>20</count>
              <period>
                <sec>0</sec>
                <nanosec>100000000</nanosec>
              </period>
            </initialAnnouncements>
          </discovery_config>
        </builtin>
      </rtps>
    </participant>
  </profiles>
</dds>
"""


def dds_profile(largest_bytes: int, name: str = 'profile.xml') -> str:
    """Writes a profile for messages up to a size.

    Args:
        largest_bytes: size of the largest message [bytes].
        name: of the file, for the explanation in it.

    Raises:
        SettingError: shared memory for such messages would have more than 4 GiB.
    """
    return _TEMPLATE.format(
        largest=largest_bytes / 1e6,
        name=name,
        segment=segment_bytes(largest_bytes),
        queue=max(LEAST_QUEUE, round(2 * largest_bytes / FRAGMENT_BYTES)),
    )


def segment_bytes(largest_bytes: int) -> int:
    """Returns the size of a segment for messages up to a size [bytes], in whole MiB.

    Raises:
        SettingError: it would have more than 4 GiB.
    """
    wanted = -(-int(HELD * largest_bytes) // 2**20) * 2**20
    if wanted > MAX_SEGMENT_BYTES:
        most = f'at most {int(MAX_SEGMENT_BYTES / HELD)} bytes'
        raise SettingError('largest', f'{largest_bytes} bytes', most, where='dds-profile')
    return max(LEAST_SEGMENT_BYTES, wanted)


def message_bytes(size: str, encoding: str = 'bgr8') -> int:
    """Returns how large messages of a size are [bytes].

    Args:
        size: of a picture, such as '3840x2160' [px], or a number of bytes.
        encoding: of the picture.

    Raises:
        SettingError: it is neither.
        MessageError: there is no such encoding.
    """
    match = _SIZE.fullmatch(size.strip())
    if match is None:
        expected = 'WIDTHxHEIGHT in pixels, such as 3840x2160, or a number of bytes'
        raise SettingError('largest', size, expected, where='dds-profile')
    width, height, count = match.groups()
    if count:
        return int(count)
    pixel = pixel_format(encoding)
    each = np.dtype(pixel.dtype).itemsize * pixel.channels
    return int(width) * each * pixel.rows(int(height))
