"""Declarations of every ROS parameter of this package.

Declaration, ranges, checks, `config/*.yaml` and the tables of docs/parameters.md come from here.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ml_integration.core.accuracy_settings import AccuracySettings
from ml_integration.core.batching import BatchSettings
from ml_integration.core.content_findings import ContentSettings
from ml_integration.core.declaration import DECIDES_WHAT_RUNS, declared
from ml_integration.core.drift import DriftSettings
from ml_integration.core.execution import ExecutionSettings
from ml_integration.core.freeze_frame import FreezeSettings
from ml_integration.core.health import HealthSettings
from ml_integration.core.rollout.settings import RolloutSettings
from ml_integration.deploy.fleet_member import FleetSettings
from ml_integration.deploy.probation import ProbationSettings
from ml_integration.fleet.fleet_findings import AvailabilitySettings
from ml_integration.fleet.prometheus_settings import PrometheusSettings
from ml_integration.ros.node.qos import SENSOR_QOS
from ml_integration.stages.cascade import Cascade
from ml_integration.stages.lifting import Lifting
from ml_integration.stages.point_cloud import PointCloud
from ml_integration.stages.tracking import Tracking
from ml_integration.store.trust.policy import POLICIES

EXECUTORS = ('events', 'single_threaded')
AUTHORITIES = ('parameter', 'service', 'locked')


@dataclass(frozen=True, slots=True)
class InferenceNodeParameters:
    """Parameters of `inference_node`."""

    model: str = declared(
        'shapes',
        'Model to serve: name (its active version), name@version, name@latest or name@previous. '
        'A change loads it beside the serving one and swaps between two frames.',
        decides_what_runs=True,
    )
    fallback_model: str = declared(
        '',
        'Model of another name to start with where neither the wanted model nor a proven version '
        'of it can be used; empty: none, the node stays unconfigured.',
        at_configure=True,
        decides_what_runs=True,
    )
    model_path: str = declared(
        '',
        "Folders that hold models, separated by ':'; empty: ML_INTEGRATION_STORES, or the "
        'models that come with the package.',
        at_configure=True,
        decides_what_runs=True,
        files='several',
    )
    state_dir: str = declared(
        '',
        'Folder for what has to survive a restart; empty: ML_INTEGRATION_STATE_DIR, or '
        'ml_integration in the state home of the user.',
        at_configure=True,
        decides_what_runs=True,
        files='one',
    )
    integrity: str = declared(
        'digest',
        'What a model has to show: signed (a signature by a trusted key; for production), '
        'digest (the content its manifest pins) or off.',
        choices=POLICIES,
        read_only=True,
        decides_what_runs=True,
    )
    trusted_keys_dir: str = declared(
        '',
        'Folder with the public keys (*.pem) that integrity: signed trusts.',
        read_only=True,
        decides_what_runs=True,
        files='one',
    )
    model_key_file: str = declared(
        '',
        'File with the key of encrypted models; empty: ML_INTEGRATION_MODEL_KEY.',
        read_only=True,
        decides_what_runs=True,
        files='one',
    )
    swap_authority: str = declared(
        'parameter',
        'What changes the model: parameter (setting it), service (setting it states the wish, '
        '~/swap carries it out) or locked (nothing). Under service and locked everything else '
        'that decides what runs is fixed at start.',
        choices=AUTHORITIES,
        read_only=True,
        decides_what_runs=True,
    )
    keep_previous: bool = declared(
        True,
        'Keep the previous model in memory, so that a rollback is instant and needs no file.',
        at_configure=True,
    )
    memory_budget_mb: float = declared(
        0.0,
        'Memory that the process of this node may take [MB]; a model that would not fit is not '
        'loaded; 0: no limit.',
        ge=0.0,
        le=1e7,
    )
    reverify_period_s: float = declared(
        60.0,
        "Time between two looks at the serving model's files on disk [s]; 0: never.",
        ge=0.1,
        le=86400.0,
        off=0.0,
    )
    cameras: tuple[str, ...] = declared(
        (),
        'Names of several cameras to serve: topics <name>/image, results ~/<name>/detections '
        'and so on; empty: one camera on image.',
        at_configure=True,
    )
    image_transport: str = declared(
        'raw',
        'How pictures come: raw (on <topic>), compressed (JPEG or PNG on <topic>/compressed) or '
        'compressedDepth (on <topic>/compressedDepth); where topics differ, with their names: '
        'compressed, depth:compressedDepth.',
        at_configure=True,
    )
    sensor_qos: str = declared(
        'sensor_data',
        'Subscription: sensor_data (best effort, matches every publisher) or reliable.',
        choices=SENSOR_QOS,
        at_configure=True,
    )
    raw_subscription: bool = declared(
        True,
        'Read large messages from their serialized bytes, without a copy; off: let rclpy make '
        'typed messages.',
        at_configure=True,
    )
    deadline_ms: float = declared(
        200.0, 'Oldest frame, by its stamp, that is still worth processing [ms]; 0: any.', ge=0.0
    )
    frame_timeout_ms: float = declared(
        5000.0,
        'Time after which a frame in work is ended; the model that took it is unfit then, and '
        'the last good one takes over [ms].',
        ge=1.0,
        le=3_600_000.0,
    )
    load_timeout_s: float = declared(
        120.0,
        'Time for reading, opening and testing a model, which TensorRT may build for minutes at '
        'first; then it is given up [s].',
        ge=0.1,
        le=86_400.0,
    )
    autostart: bool = declared(
        False, 'Configure and activate without being asked, also after a respawn.', read_only=True
    )
    executor: str = declared(
        'events', 'rclpy executor of a node run on its own.', choices=EXECUTORS, read_only=True
    )
    stages: tuple[str, ...] = declared(
        (),
        'Stages that work on the results, in this order: tracking (numbers that objects keep), '
        'lifting (objects in 3D, with depth and camera info), cascade (a second model sees each '
        'object) or point_cloud (of metric depth); empty: none.',
        at_configure=True,
    )
    tracking: Tracking.Settings = field(default_factory=Tracking.Settings)
    lifting: Lifting.Settings = field(default_factory=Lifting.Settings)
    cascade: Cascade.Settings = field(default_factory=Cascade.Settings)
    point_cloud: PointCloud.Settings = field(default_factory=PointCloud.Settings)
    batch: BatchSettings = field(default_factory=BatchSettings)
    probation: ProbationSettings = field(
        default_factory=ProbationSettings, metadata=DECIDES_WHAT_RUNS
    )
    rollout: RolloutSettings = field(default_factory=RolloutSettings, metadata=DECIDES_WHAT_RUNS)
    fleet: FleetSettings = field(default_factory=FleetSettings, metadata=DECIDES_WHAT_RUNS)
    health: HealthSettings = field(default_factory=HealthSettings)
    content: ContentSettings = field(default_factory=ContentSettings)
    drift: DriftSettings = field(default_factory=DriftSettings)
    accuracy: AccuracySettings = field(default_factory=AccuracySettings)
    freeze_frame: FreezeSettings = field(default_factory=FreezeSettings)
    execution: ExecutionSettings = field(
        default_factory=ExecutionSettings, metadata=DECIDES_WHAT_RUNS
    )


@dataclass(frozen=True, slots=True)
class VideoPlayerParameters:
    """Parameters of `video_player`."""

    source: str = declared(
        '',
        'Video file, picture, or folder of pictures.',
        at_configure=True,
        files='one',
    )
    rate_hz: float = declared(
        0.0,
        "Frames per second [Hz]; 0: the video's own rate, 30 for pictures.",
        ge=0.0,
        le=1000.0,
        at_configure=True,
    )
    loop: bool = declared(True, 'Start again at the end.')
    frame_id: str = declared('camera', 'Coordinate frame in the header.', at_configure=True)
    size: tuple[int, ...] = declared(
        (0, 0),
        'Width and height to publish [px]; 0, 0: as recorded.',
        ge=0,
        length=2,
        at_configure=True,
    )
    autostart: bool = declared(
        False, 'Configure and activate without being asked, also after a respawn.', read_only=True
    )
    executor: str = declared(
        'events', 'rclpy executor of a node run on its own.', choices=EXECUTORS, read_only=True
    )


@dataclass(frozen=True, slots=True)
class PerformanceMonitorParameters:
    """Parameters of `performance_monitor`."""

    state_dir: str = declared(
        '',
        'Folder for what has to survive a restart; empty: ML_INTEGRATION_STATE_DIR, or '
        'ml_integration in the state home of the user.',
        at_configure=True,
        files='one',
    )
    max_nodes: int = declared(
        64, 'Most nodes that are followed; it is told if there are more.', ge=1, le=1000,
        at_configure=True,
    )  # fmt: skip
    forget_s: float = declared(
        86_400.0,
        'Time without a word after which a node is forgotten [s]; until then it is silent.',
        ge=10.0,
        le=1e7,
        at_configure=True,
    )
    availability: AvailabilitySettings = field(default_factory=AvailabilitySettings)
    prometheus: PrometheusSettings = field(default_factory=PrometheusSettings)
    autostart: bool = declared(
        False, 'Configure and activate without being asked, also after a respawn.', read_only=True
    )
    executor: str = declared(
        'events', 'rclpy executor of a node run on its own.', choices=EXECUTORS, read_only=True
    )
