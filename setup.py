"""Installs the package: code, ament index entry, launch files, configuration and models."""

from pathlib import Path

from setuptools import find_packages, setup

NAME = 'ml_integration'
ROOT = Path(__file__).parent


def data_files():
    """Files by the folder under share/ that receives them, the tree kept as it is."""
    files = {
        'share/ament_index/resource_index/packages': [f'resource/{NAME}'],
        f'share/{NAME}': ['package.xml'],
    }
    for pattern in ('launch/**/*.py', 'config/**/*', 'models/**/*'):
        for file in sorted(ROOT.glob(pattern)):
            path = file.relative_to(ROOT)
            hidden = any(part.startswith(('.', '__pycache__')) for part in path.parts)
            if file.is_file() and not hidden:
                files.setdefault(f'share/{NAME}/{path.parent}', []).append(str(path))
    # Fetched by the set-up; without it the demo shows drawn scenes.
    video = Path('dev/data/vtest.avi')
    if (ROOT / video).is_file():
        files[f'share/{NAME}/data'] = [str(video)]
    return list(files.items())


setup(
    name=NAME,
    version='0.1.0',
    description='Composable lifecycle nodes that run ONNX models on sensor topics',
    maintainer='ml_integration maintainers',
    maintainer_email='maintainers@ml-integration.example',
    license='Apache-2.0',
    python_requires='>=3.10',
    packages=find_packages(include=[NAME, f'{NAME}.*']),
    package_data={
        NAME: ['py.typed'],
        f'{NAME}.exports.trying': ['pictures/*'],
        f'{NAME}.store.package': ['*.json'],
    },
    data_files=data_files(),
    zip_safe=False,
    install_requires=['setuptools'],
    # colcon chooses pytest by this.
    extras_require={'test': ['pytest']},
    entry_points={
        # One line per executable of `ros2 run`.
        'console_scripts': [
            f'inference_node = {NAME}.ros.programs:inference_node',
            f'video_player = {NAME}.ros.programs:video_player',
            f'ml_model = {NAME}.cli.main:main',
            f'ml_tune = {NAME}.cli.tune:main',
            f'demo = {NAME}.demos.demo:main',
            f'demo_swap = {NAME}.demos.swap_demo:main',
            f'demo_monitor = {NAME}.demos.monitor_demo:main',
            f'demo_rollout = {NAME}.demos.rollout_demo:main',
            f'component_container = {NAME}.ros.programs:component_container',
            f'ml_integration_run = {NAME}.ros.programs:ml_integration_run',
            f'performance_monitor = {NAME}.ros.programs:performance_monitor',
            f'ml_top = {NAME}.ros.programs:ml_top',
            f'ml_report = {NAME}.ros.programs:ml_report',
        ],
        # One line per node that a component container can load, as package::Class.
        'rclpy_components': [
            f'{NAME}::InferenceNode = {NAME}.ros.inference.inference_node:InferenceNode',
            f'{NAME}::PerformanceMonitor = '
            f'{NAME}.ros.monitoring.performance_monitor:PerformanceMonitor',
            f'{NAME}::VideoPlayer = {NAME}.ros.video.video_player:VideoPlayer',
        ],
    },
)
