"""The declared routes against the documented ones (swarm-api §2.1 to §2.5): kind, flag, activity."""

import pytest

from hub.wire.discover import find_modules, find_routes

# name, kind, permission flag, U where a call counts as the user's activity
DOCUMENTED = """
Login HTTP none
RegisterBasic HTTP none
RegisterOAuth HTTP none
GetNewSession HTTP none
Logout HTTP fundamental U
GetMyUserData HTTP fundamental_generate_tab_access
ExportUserPresets HTTP fundamental_generate_tab_access
SetStarredModels HTTP fundamental_model_access U
SetPresetLinks HTTP fundamental_model_access U
AddNewPreset HTTP manage_presets U
DuplicatePreset HTTP manage_presets U
DeletePreset HTTP manage_presets U
GetCurrentStatus HTTP fundamental_generate_tab_access
InterruptAll HTTP basic_image_generation U
GetUserSettings HTTP read_user_settings
ChangeUserSettings HTTP edit_user_settings U
ChangePassword HTTP edit_user_settings U
SetParamEdits HTTP edit_params U
GetLanguage HTTP fundamental_generate_tab_access
ServerDebugMessage HTTP server_debug_message
SetAPIKey HTTP edit_user_settings U
GetAPIKeyStatus HTTP read_user_settings
ListMyAuthTokens HTTP read_user_settings
RevokeMyAuthToken HTTP edit_user_settings U
CreateAuthToken HTTP edit_user_settings U
GenerateText2Image HTTP basic_image_generation U
GenerateText2ImageWS WS basic_image_generation U
AddImageToHistory HTTP basic_image_generation U
ListImages HTTP view_image_history
ToggleImageStarred HTTP user_star_images U
DeleteImage HTTP user_delete_image U
ListT2IParams HTTP fundamental_generate_tab_access
TriggerRefresh HTTP fundamental_generate_tab_access U
ListModels HTTP fundamental_model_access
DescribeModel HTTP fundamental_model_access
ListLoadedModels HTTP fundamental_model_access
SelectModel HTTP load_models_now U
SelectModelWS WS load_models_now U
EditModelMetadata HTTP edit_model_metadata U
GetModelHeaders HTTP edit_model_metadata U
GetModelHash HTTP edit_model_metadata U
ForwardMetadataRequest HTTP edit_model_metadata
DoModelDownloadWS WS download_models U
DeleteModel HTTP delete_models
RenameModel HTTP delete_models
Pickle2SafeTensor HTTP pickle2safetensors U
WipeMetadata HTTP reset_metadata U
FreeBackendMemory HTTP control_mem_clean U
ListServerSettings HTTP read_server_settings
ChangeServerSettings HTTP edit_server_settings U
ListLogTypes HTTP view_logs
ListRecentLogMessages HTTP view_logs
LogSubmitToPastebin HTTP view_logs U
ShutdownServer HTTP shutdown U
AdminTakeControl HTTP automated_control U
GetServerResourceInfo HTTP read_server_info_panels
GetGlobalStatus HTTP read_server_info_panels
ListConnectedUsers HTTP read_server_info_panels
DebugLanguageAdd HTTP admin_debug U
DebugGenDocs HTTP admin_debug U
CheckForUpdates HTTP restart
UpdateAndRestart HTTP restart U
InstallExtension HTTP manage_extensions U
UpdateExtension HTTP manage_extensions U
UninstallExtension HTTP manage_extensions U
SetExtensionEnabled HTTP manage_extensions U
AdminListUsers HTTP manage_users
AdminAddUser HTTP manage_users U
AdminSetUserPassword HTTP manage_users U
AdminChangeUserSettings HTTP manage_users U
AdminGetUserInfo HTTP manage_users
AdminInterruptUser HTTP interrupt_others U
AdminListRoles HTTP configure_roles
AdminAddRole HTTP configure_roles U
AdminEditRole HTTP configure_roles U
AdminDeleteRole HTTP configure_roles U
AdminListPermissions HTTP configure_roles
InstallDotnetUpdate HTTP install U
AdminDeleteUser HTTP manage_users U
AdminSetUserOAuthEmail HTTP manage_users U
"""
ROWS = [line.split() for line in DOCUMENTED.strip().splitlines()]
ROUTES = {route.name: route for route in find_routes(find_modules())}


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_a_route_is_declared_as_documented(row: list[str]) -> None:
    name, kind, flag, *marks = row
    route = ROUTES[name]
    assert ("WS" if route.socket else "HTTP") == kind
    assert (route.permission or "none") == flag
    assert route.active is ("U" in marks)
