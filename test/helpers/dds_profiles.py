"""Profiles of Fast DDS for processes under test, beside the one that all of them get."""

from __future__ import annotations

from pathlib import Path

from ml_integration.ros.messages.fast_dds import VARIABLES

NO_PROFILE = '<dds xmlns="http://www.eprosima.com"><profiles/></dds>'
NETWORK = """<dds xmlns="http://www.eprosima.com"><profiles>
  <transport_descriptors><transport_descriptor>
    <transport_id>network</transport_id><type>UDPv4</type>
    <receiveBufferSize>66000</receiveBufferSize>
    <interfaceWhiteList><address>127.0.0.1</address></interfaceWhiteList>
  </transport_descriptor></transport_descriptors>
  <participant profile_name="network" is_default_profile="true"><rtps>
    <userTransports><transport_id>network</transport_id></userTransports>
    <useBuiltinTransports>false</useBuiltinTransports>
  </rtps></participant>
</profiles></dds>"""
"""UDP on the loopback alone, and sockets that hold one datagram. A process also needs
ROS_AUTOMATIC_DISCOVERY_RANGE=SUBNET: within LOCALHOST it always has shared memory."""


def write_profile(folder: Path, content: str) -> dict[str, str]:
    """Writes a profile; returns the variables that give it to a process."""
    file = folder / 'profile.xml'
    file.write_text(content)
    return dict.fromkeys(VARIABLES, str(file))
