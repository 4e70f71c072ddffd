"""What a tenant decides for all of its people, and the limits that it lives within."""

from oblivion_contracts.tenant_settings import TenantSettings, TenantSettingsView
from oblivion_gateway.usecases.limit_requests import PerMinute
from oblivion_gateway.usecases.requests import Unit
from oblivion_platform.operations import tenant_settings


class SetTenant:
    """The caller's own tenant."""

    def __init__(self, per_minute: PerMinute) -> None:
        self._per_minute = per_minute

    async def show(self, unit: Unit) -> TenantSettingsView:
        tenant_id = unit.caller.tenant_id
        known = await tenant_settings.read_settings(unit.tx, tenant_id)
        return TenantSettingsView.model_validate(
            {
                **known,
                "retention_days": await tenant_settings.read_retention_days(unit.tx, tenant_id),
                "user_requests_per_minute": self._per_minute.user,
                "tenant_requests_per_minute": self._per_minute.tenant,
            }
        )

    async def change(self, unit: Unit, wish: TenantSettings) -> TenantSettingsView:
        """What is not given stays; None lets the system's own settings hold again."""
        tenant_id = unit.caller.tenant_id
        changes = wish.model_dump(exclude_unset=True)
        for name, value in changes.items():
            await tenant_settings.change_setting(unit.tx, tenant_id, name, value)
        if changes:
            await unit.note("tenant.settings_changed", tenant_id, **changes)
        return await self.show(unit)
