"""The Basic family: sessions, accounts, presets, settings, status. `InstallConfirmWS` and `RegisterOAuth`
are not served."""
