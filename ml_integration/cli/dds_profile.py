"""Prints settings of Fast DDS that let large messages through shared memory.

Write them to a file, and start the program that publishes the messages with
FASTRTPS_DEFAULT_PROFILES_FILE (Jazzy) or FASTDDS_DEFAULT_PROFILES_FILE (Kilted) set to it.
"""

from __future__ import annotations

import argparse

from ml_integration.ops.dds_profile import dds_profile, message_bytes

HELP = 'print settings of Fast DDS for large messages'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of this verb."""
    parser.add_argument(
        '--largest',
        required=True,
        metavar='SIZE',
        help='largest message: WIDTHxHEIGHT of a picture, such as 3840x2160, or a number of bytes',
    )
    parser.add_argument(
        '--encoding', default='bgr8', help="the picture's encoding (default: %(default)s)"
    )


def run(args: argparse.Namespace) -> int:
    """Prints the profile."""
    print(dds_profile(message_bytes(args.largest, args.encoding)), end='')
    return 0
