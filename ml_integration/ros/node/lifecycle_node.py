"""A lifecycle node whose hooks cannot fail silently and leave nothing behind.

A subclass says what it holds, never how to let go of it: whatever `configure` and `activate`
put on the stack they are given is released in reverse order, all of it, when the node leaves
the state, however it leaves it.
"""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from typing import Any, Generic, TypeVar

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from ml_integration.errors import MlIntegrationError
from ml_integration.ros.node.late_answers import Answer, answer_later
from ml_integration.ros.node.limits import FREE, Limits
from ml_integration.ros.node.parameter_binding import Parameters
from ml_integration.ros.node.preparation import Preparation

P = TypeVar('P')

SUCCESS = TransitionCallbackReturn.SUCCESS
FAILURE = TransitionCallbackReturn.FAILURE
LOOK_S = 0.02
"""Time between two looks at whether the slow part of a transition is done [s]."""


class GuardedLifecycleNode(LifecycleNode, Generic[P]):
    """Base of this package's nodes.

    Args:
        name: the node's name, changed as usual with `__node:=`.
        parameters: the class of declared settings that are this node's parameters.
        options: keyword arguments of `rclpy.node.Node`, as a component container gives them;
            `intra_process` for classes that accept it, and `limits`.

    Raises:
        SettingError: a parameter from a file or the command line is not allowed.
    """

    def __init__(self, name: str, parameters: type[P], options: dict[str, Any]) -> None:
        self.intra_process: bool = options.pop('intra_process', False)
        limits: Limits = options.pop('limits', FREE)
        super().__init__(name, **options)
        self._state = 'unconfigured'
        self._strangers: tuple[str, ...] = ()
        self._lifetime = ExitStack()
        self._configured = ExitStack()
        self._active = ExitStack()
        self._preparation: Preparation | None = None
        self._is_alone = True  # it does not go on by itself
        self._prepared: Callable[[bool], None] = _nothing
        self._bound = Parameters(
            self,
            parameters,
            lambda: self._state != 'unconfigured' or self._preparation is not None,
            lambda old, new: self.check_change(old, new),
            lambda old, new: self.changed(old, new),
            limits,
        )
        self._steady_clock = Clock(clock_type=ClockType.STEADY_TIME)
        self._guard_services()
        self._look = self.every(LOOK_S, self._look_at_preparation)
        self._look.cancel()

    @property
    def parameters(self) -> P:
        """The parameters as they are now."""
        return self._bound.current

    @property
    def sections(self) -> Mapping[str, Any]:
        """Further parameters by the name of their section, as they are now."""
        return self._bound.sections

    def declare_section(self, name: str, settings: type) -> None:
        """Declares parameters that are found out about later, and take effect at configure.

        Args:
            name: of the section; the parameters are below it.
            settings: a class of declared settings.

        Raises:
            SettingError: a value from a file or the command line is not allowed.
        """
        self._bound.declare_section(name, settings)

    @property
    def strangers(self) -> tuple[str, ...]:
        """Sentences on what the node was given and does not know."""
        return self._strangers

    def tell_strangers(self, sentences: Iterable[str]) -> None:
        """Warns of what the node was given and does not know; it works without."""
        for sentence in sentences:
            self.get_logger().warning(sentence)
            self._strangers += (sentence,)

    def correct_parameter(self, name: str, value: Any) -> None:
        """Sets a parameter to the value in effect; `check_change` and `changed` are not called."""
        self._bound.correct(name, value)

    @property
    def state(self) -> str:
        """'unconfigured', 'inactive', 'active' or 'finalized'."""
        return self._state

    # When is it called? Before configure, on a thread of its own. What to do here? What is slow.
    def prepare(self, resources: ExitStack) -> None:
        """Acquires what takes long; put the way to release each thing on `resources`.

        The executor serves others meanwhile, so nothing of ROS is made here.
        """

    # When is it called? When that is not wanted any more. What to do here? Say so to the thread.
    def give_up(self) -> None:
        """Makes `prepare`, which is under way on another thread, raise something soon."""

    # When is it called? On the way to inactive. What to do here? Everything else that can fail.
    def configure(self, resources: ExitStack) -> None:
        """Acquires what the node needs; put the way to release each thing on `resources`."""

    # When is it called? On the way to active. What to do here? Subscribe, start timers, threads.
    def activate(self, resources: ExitStack) -> None:
        """Starts the work; put the way to stop each thing on `resources`."""

    # When is it called? Before parameters change. What to do here? Raise to refuse it, quickly.
    def check_change(self, old: P, new: P) -> None:
        """Checks new parameter values beyond what their declarations check."""

    # When is it called? After parameters changed. What to do here? Act on it; it cannot fail.
    def changed(self, old: P, new: P) -> None:
        """Acts on changed parameters, if reading them when they are needed is not enough."""

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._enter('configure', self._configure, self._configured, 'inactive')

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._enter('activate', self.activate, self._active, 'active')

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._leave('deactivate', 'inactive', self._active)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._leave('clean up', 'unconfigured', self._configured)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._leave('shut down', 'finalized', self._active, self._configured)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._leave('recover', 'unconfigured', self._active, self._configured)

    def release(self) -> None:
        """Lets go of everything, in whatever state; for the end of the process."""
        self._leave('release', 'finalized', self._active, self._configured, self._lifetime)

    # When is it called? Once it is active. What to do here? Name topics, and how to look at them.
    def introduce(self) -> str:
        """Returns a sentence for the log on what the node takes and gives; may be empty."""
        return ''

    def autostart(self) -> None:
        """Configures and activates, as a lifecycle manager would, while the executor spins."""

        def configured(success: bool) -> None:
            self._is_alone = True
            if success:
                self.trigger_activate()
            else:
                self.tell_next('configure', 'is unconfigured; once that is mended')

        self._is_alone = False
        if not self._start_configure(configured):
            self._is_alone = True

    def start_anew(self) -> None:
        """Cleans up and configures again, and activates if it was active.

        Where that fails the node is unconfigured, as after any configure that failed.
        """
        was_active = self._state == 'active'
        if was_active:
            self.trigger_deactivate()
        self.trigger_cleanup()

        def configured(success: bool) -> None:
            self._is_alone = True
            if success and was_active:
                self.trigger_activate()

        self._is_alone = False
        if not self._start_configure(configured):
            self._is_alone = True

    def tell_next(self, verb: str, state: str) -> None:
        """Says in the log how to go on.

        Args:
            verb: the transition to ask for.
            state: what the node is now, and what the transition is for.
        """
        if self.context.ok():
            name = self.get_fully_qualified_name()
            self.get_logger().info(f'{name} {state}: ros2 lifecycle set {name} {verb}')

    def guarded(self, callback: Callable[..., Any]) -> Callable[..., Any]:
        """Wraps a callback so that nothing it raises reaches the executor.

        An exception that leaves a callback kills the process under EventsExecutor and stops
        the spinning under the others. A failed service callback answers with the response as
        far as it was filled in, which is its last argument.
        """

        @functools.wraps(callback)  # rclpy looks at the signature to know what to pass
        def call(*arguments: Any) -> Any:
            try:
                return callback(*arguments)
            except Exception:
                self._report('callback failed:')
                return arguments[-1] if arguments else None

        return call

    def every(self, period_s: float, callback: Callable[[], None]) -> Any:
        """Calls back in real time, also while simulated time stands still."""
        return self.create_timer(period_s, self.guarded(callback), clock=self._steady_clock)

    def _start_configure(self, done: Callable[[bool], None]) -> bool:
        """Begins to configure; false if that is under way already.

        Args:
            done: is told later, on the executor's thread, whether the node is configured.
        """
        if self._preparation is not None:
            return False
        self._prepared = done
        self._preparation = Preparation(self.prepare)
        self._look.reset()
        return True

    def _look_at_preparation(self) -> None:
        if self._preparation is not None and not self._preparation.done:
            return
        self._look.cancel()
        prepared, self._prepared = self._prepared, _nothing
        success = False
        try:
            success = self._preparation is not None and self.trigger_configure() == SUCCESS
        finally:
            prepared(success)

    def _configure(self, resources: ExitStack) -> None:
        preparation = self._preparation or Preparation(self.prepare)
        try:
            resources.push(preparation.take())
        finally:
            self._preparation = None
        self.configure(resources)

    def _change_state(
        self, request: ChangeState.Request, response: ChangeState.Response, answer: Answer
    ) -> bool:
        """Answers a request for a transition; returns whether it does so later."""
        is_configure = request.transition.label == 'configure' or (
            not request.transition.label
            and request.transition.id == Transition.TRANSITION_CONFIGURE
        )
        if not is_configure or self._state != 'unconfigured':
            self._transition(request, response)
            return False

        def done(success: bool) -> None:
            response.success = success
            answer(response)

        try:
            return self._start_configure(done)
        except Exception:  # such as no more threads
            self._report('cannot configure:')
            return False

    def _enter(
        self, verb: str, hook: Callable[[ExitStack], None], resources: ExitStack, state: str
    ) -> TransitionCallbackReturn:
        try:
            hook(resources)
        except Exception as error:
            self._report(f'cannot {verb}: {error}', error)
            self._close(resources)
            return FAILURE
        self._state = state
        self._tell_state()
        return SUCCESS

    def _tell_state(self) -> None:
        if self._state == 'active' and (sentence := self.introduce()):
            self.get_logger().info(sentence)
        elif self._state == 'inactive' and self._is_alone:
            self.tell_next('activate', 'is configured; to start it')

    def _leave(self, verb: str, state: str, *stacks: ExitStack) -> TransitionCallbackReturn:
        self._state = state
        preparation, self._preparation = self._preparation, None
        if preparation is not None:
            self.give_up()
            preparation.abandon()
        clean = [self._close(stack) for stack in stacks]
        if not all(clean):
            self.get_logger().warning(f'could not {verb} without errors; went on all the same')
        return SUCCESS

    def _close(self, resources: ExitStack) -> bool:
        try:
            resources.close()
        except Exception:
            self._report('while releasing:')
            return False
        return True

    def _report(self, what: str, error: Exception | None = None) -> None:
        """Logs the exception under way, unless it comes of the end of the process.

        Args:
            what: the sentence.
            error: the exception if the sentence says it; ours needs no traceback then.
        """
        if self.context.ok():
            more = '' if isinstance(error, MlIntegrationError) else f'\n{traceback.format_exc()}'
            self.get_logger().error(f'{what}{more}')

    def _guard_services(self) -> None:
        # rclpy raises when asked for a transition that the current state does not have.
        for service in self.services:
            service.callback = self.guarded(service.callback)
            if service.srv_type is ChangeState:
                self._transition = service.callback
                answer_later(service, self._change_state)


def _nothing(success: bool) -> None:
    """Tells nobody."""
