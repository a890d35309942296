"""Installs the plug-ins; the entry points are all that ml_integration needs to find them."""

from setuptools import setup

NAME = 'range_guard'

setup(
    name=NAME,
    version='0.1.0',
    packages=[NAME],
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{NAME}']),
        (f'share/{NAME}', ['package.xml']),
    ],
    entry_points={
        'ml_integration.sensors': [f'laser_scan = {NAME}.laser_scan:LaserScan'],
        'ml_integration.tasks': [f'collision_risk = {NAME}.collision_risk:CollisionRisk'],
        'ml_integration.backends': [f'one_layer = {NAME}.one_layer:OneLayer'],
        'ml_integration.ops.decoders': [f'corner_boxes = {NAME}.corner_boxes:CornerBoxes'],
        'ml_integration.exports.formats': [f'model_card = {NAME}.model_card:ModelCard'],
    },
)
