"""A model is asked once for the same words."""

from uuid import UUID, uuid4

from oblivion_platform.routing import (
    Decision,
    RememberingSlowPath,
    Router,
    Stage,
    compile_router,
    default_squad,
    route,
)

TENANT = uuid4()
TEXT = "hmpf, the usual thing with the thing"


class Model:
    """Chooses `notion`, or nobody answers."""

    def __init__(self) -> None:
        self.asked = 0
        self.stage = Stage.SLOW

    async def warm_up(self) -> None:
        self.asked = 0

    async def choose(self, tenant_id: UUID, router: Router, text: str, fast: Decision) -> Decision:
        del tenant_id, router, text
        self.asked += 1
        return Decision("notion", "default", 0.9, "a model chose", fast.candidates, self.stage)


async def ask(path: RememberingSlowPath, router: Router, text: str = TEXT, tenant: UUID = TENANT) -> Decision:
    return await path.choose(tenant, router, text, route(router, text))


async def test_the_same_words_are_not_asked_twice():
    model, router = Model(), compile_router(default_squad())
    path = RememberingSlowPath(model)
    first, again = await ask(path, router), await ask(path, router)
    assert model.asked == 1
    assert (again.agent, again.task, again.stage) == (first.agent, first.task, Stage.SLOW)
    await ask(path, router, "something else with the thing")
    await ask(path, router, tenant=uuid4())
    assert model.asked == 3


async def test_a_changed_registry_is_asked_about_anew():
    model, router = Model(), compile_router(default_squad())
    path = RememberingSlowPath(model)
    await ask(path, router)
    await ask(path, compile_router(default_squad()))
    assert model.asked == 2


async def test_what_no_model_said_is_not_remembered():
    model, router = Model(), compile_router(default_squad())
    model.stage = Stage.GENERAL
    path = RememberingSlowPath(model)
    await ask(path, router)
    await ask(path, router)
    assert model.asked == 2
