"""What a new engine leaves behind of older ones."""

from execution.services.engine_recovery import forget_old_releases
from toolkit.adapters.memory_bus import MemoryBus
from toolkit.adapters.memory_server import MemoryServer
from toolkit.domain.inbox import EPOCHS_KEPT, Released


async def test_released_steps_are_kept_for_as_long_as_a_runner_looks_back_and_no_longer() -> None:
    server = MemoryServer()
    bus = MemoryBus(server)
    for epoch in range(1, 60):
        await bus.release(epoch, [Released(step=b"", number=epoch, inboxes=())])
        await forget_old_releases(bus, epoch)
    assert sorted(server.released) == list(range(59 - EPOCHS_KEPT, 60))


async def test_a_bus_that_is_away_keeps_no_engine_from_starting() -> None:
    server = MemoryServer()
    server.away = True
    await forget_old_releases(MemoryBus(server), 40)
