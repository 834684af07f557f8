"""One proper call of every route that takes input, from which the fuzzers grow improper ones.

`{job}`, `{image}`, `{token}`, `{webhook}` and `{backend}` stand for ids of what is really there. A route that
is missing here is called with an empty object.
"""

from typing import Any

from tests.swarm_api.sketching import SMALL

PNG = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5Er"
    "kJggg=="
)
_GRID = {
    **{"outputFolderName": "tries", "outputType": "Just Images", "doOverwrite": True, "fastSkip": False},
    **{"generatePage": True, "publishGenMetadata": True, "dryRun": False, "weightOrder": True},
    **{"continueOnError": True, "showOutputs": True},
}
_DRAWN = {**SMALL, "prompt": "red", "seed": 5, "cfgscale": 7.5, "negativeprompt": "blue", "sampler": "euler"}

PROPER: dict[str, dict[str, Any]] = {
    "/API/AddImageToHistory": {"image": PNG, "prompt": "red", "model": "doodle"},
    "/API/AddNewBackend": {"type_id": "sketch"},
    "/API/AddNewPreset": {
        **{"title": "mine", "description": "fine", "preview_image": PNG, "is_edit": False, "editing": "mine"},
        "param_map": {"steps": 20, "prompt": "a {value}", "loras": ["a"], "images": "2"},
    },
    "/API/AdminAddRole": {"name": "painters"},
    "/API/AdminAddUser": {"name": "somebody", "password": "a long word", "role": "user"},
    "/API/AdminChangeUserSettings": {"name": "somebody", "settings": {"theme": "modern_dark"}},
    "/API/AdminDeleteRole": {"name": "painters"},
    "/API/AdminDeleteUser": {"name": "somebody", "keep_outputs": False},
    "/API/AdminEditRole": {
        **{"name": "painters", "description": "paint", "max_outpath_depth": 5, "max_t2i_simultaneous": 4},
        **{"allow_unsafe_outpaths": False, "model_whitelist": "a,b", "model_blacklist": ""},
        **{"permissions": "fundamental", "max_images_at_once": 3, "max_queued": 9, "max_per_day": 99},
    },
    "/API/AdminGetUserInfo": {"name": "somebody"},
    "/API/AdminInterruptUser": {"name": "somebody"},
    "/API/AdminSetUserOAuthEmail": {"name": "somebody", "email": "somebody@example.com"},
    "/API/AdminSetUserPassword": {"name": "somebody", "password": "another long word"},
    "/API/ChangePassword": {"oldPassword": "a long word", "newPassword": "a longer word"},
    "/API/ChangeServerSettings": {"settings": {"limits.images": 20, "outputs.append_user": True}},
    "/API/ChangeUserSettings": {"settings": {"theme": "modern_dark", "language": "en", "fileformat.dpi": 72}},
    "/API/ComfyDeleteWorkflow": {"name": "one"},
    "/API/ComfyEnsureRefreshable": {},
    "/API/ComfyGetGeneratedWorkflow": dict(_DRAWN),
    "/API/ComfyGetNodeTypesForBackend": {"backend": 0},
    "/API/ComfyInstallFeatures": {"features": "ipadapter"},
    "/API/ComfyReadWorkflow": {"name": "one"},
    "/API/ComfySaveWorkflow": {
        **{"name": "one", "workflow": "{}", "prompt": '{"1":{"class_type":"A","inputs":{}}}', "image": PNG},
        **{"custom_params": "{}", "param_values": '{"prompt":"a cat"}', "description": "draws"},
        **{"enable_in_simple": True, "replace": None},
    },
    "/API/ComfyUpdateTorch": {"backendId": 0},
    "/API/CountTokens": {"text": "a (red:1.2) cat", "skipPromptSyntax": False, "tokenset": "clip"},
    "/API/CreateAuthToken": {"reason": "a script"},
    "/API/DeleteBackend": {"backend_id": 7},
    "/API/DeleteImage": {"path": "{image}"},
    "/API/DeleteModel": {"modelName": "nothing", "subtype": "LoRA"},
    "/API/DeletePreset": {"preset": "mine"},
    "/API/DeleteWildcard": {"card": "colours"},
    "/API/DescribeModel": {"modelName": "doodle", "subtype": "Stable-Diffusion"},
    "/API/DoLoraExtractionWS": {"baseModel": "doodle", "otherModel": "doodle", "rank": 4, "outName": "out"},
    "/API/DoModelDownloadWS": {"url": "http://127.0.0.1:1/x.safetensors", "type": "LoRA", "name": "new"},
    "/API/DoTensorRTCreateWS": {
        **{"model": "doodle", "aspect": "1:1", "aspectRange": "1:1", "optBatch": 1, "maxBatch": 1}
    },
    "/API/DuplicatePreset": {"preset": "mine"},
    "/API/EditBackend": {"backend_id": "{backend}", "title": "Paper", "settings": {}, "new_id": -1},
    "/API/EditModelMetadata": {
        **{"model": "doodle", "title": "Doodle", "author": "me", "type": "", "description": "", "date": ""},
        **{"standard_width": 64, "standard_height": 64, "usage_hint": "", "license": "", "tags": "a,b"},
        **{"trigger_phrase": "", "prediction_type": "", "preview_image": PNG, "subtype": "Stable-Diffusion"},
    },
    "/API/EditWildcard": {"card": "colours", "options": "red\nblue\n# a note\n\n", "preview_image": PNG},
    "/API/ExportUserPresets": {"titles": ["mine"]},
    "/API/ExtractVideoAudio": {"video": "{image}", "filename": "sound"},
    "/API/ForwardMetadataRequest": {"url": "https://civitai.com/api/v1/models/1"},
    "/API/FreeBackendMemory": {"system_ram": False, "backend": "{backend}"},
    "/API/GenerateText2Image": dict(_DRAWN),
    "/API/GenerateText2ImageWS": {**_DRAWN, "presets": ["mine"], "extra_metadata": {"a": "b"}},
    "/API/GetAPIKeyStatus": {"keyType": "civitai_api"},
    "/API/GetLanguage": {"language": "en"},
    "/API/GetModelHash": {"modelName": "doodle", "subtype": "Stable-Diffusion"},
    "/API/GetModelHeaders": {"model": "doodle", "subtype": "Stable-Diffusion"},
    "/API/GetNewSession": {"impersonateUser": ""},
    "/API/GridGenDeleteData": {"gridName": "mine"},
    "/API/GridGenDoesExist": {"folderName": "tries"},
    "/API/GridGenGetData": {"gridName": "mine"},
    "/API/GridGenRun": {
        **_GRID,
        "baseParams": {**SMALL, "prompt": "red", "seed": 5},
        "gridAxes": [{"mode": "prompt", "vals": "red||blue"}, {"mode": "steps", "vals": "1,2"}],
    },
    "/API/GridGenSaveData": {"gridName": "mine", "isPublic": False, "data": {"axes": [{"mode": "steps"}]}},
    "/API/ImageBatchRun": {
        **{"input_folder": "in", "output_folder": "out", "init_image": True, "revision": False},
        **{"controlnet": False, "resMode": "From Parameter", "append_filename_to_prompt": False},
        "baseParams": {**SMALL, "prompt": "red"},
    },
    "/API/InterruptAll": {"other_sessions": True},
    "/API/ListBackends": {"nonreal": True, "full_data": True},
    "/API/ListImages": {
        "path": "",
        "depth": 3,
        "sortBy": "Date",
        "search": "red",
        "starred": False,
        "limit": 5,
    },
    "/API/ListModels": {"path": "", "depth": 3, "subtype": "Stable-Diffusion", "sortBy": "Name"},
    "/API/ListRecentLogMessages": {"types": ["Info"], "last_sequence_ids": {"Info": 3}},
    "/API/Login": {"username": "somebody", "password": "a long word"},
    "/API/Pickle2SafeTensor": {"type": "LoRA", "fp16": True},
    "/API/RegisterBasic": {"username": "somebody", "password": "a long word"},
    "/API/RegisterOAuth": {"username": "somebody", "oauth_tracker_key": "0" * 64, "oauth_type": "openid"},
    "/API/RenameModel": {"oldName": "nothing", "newName": "something", "subtype": "LoRA"},
    "/API/RevokeMyAuthToken": {"tokenId": "{token}"},
    "/API/SelectModel": {"model": "doodle", "backendId": "{backend}"},
    "/API/SelectModelWS": {"model": "doodle"},
    "/API/ServerDebugMessage": {"message": "hello"},
    "/API/SetAPIKey": {"keyType": "civitai_api", "key": "k" * 30},
    "/API/SetParamEdits": {"edits": {"steps": {"default": 9, "visible": True}}},
    "/API/SetPresetLinks": {"Stable-Diffusion": {"doodle": ["mine"]}},
    "/API/SetStarredModels": {"LoRA": ["a"], "Stable-Diffusion": ["doodle"]},
    "/API/TestPromptFill": {"prompt": "a <random:red,blue> <wildcard:colours>"},
    "/API/ToggleBackend": {"backend_id": 7, "enabled": True},
    "/API/ToggleImageStarred": {"path": "{image}"},
    "/API/TokenizeInDetail": {"text": "a (red:1.2) cat", "tokenset": "clip", "weighting": True},
    "/API/TriggerRefresh": {"strong": False, "refreshType": "parameters"},
    "/hub/v1/account/delete": {"password": "a long word"},
    "/hub/v1/backends/lines": {"backend_id": "{backend}"},
    "/hub/v1/events": {"run": "", "after": 3, "previews": "binary"},
    "/hub/v1/jobs": {"state": "waiting,running,done", "words": "red", "limit": 9, "older": True},
    "/hub/v1/jobs/cancel": {"job": "{job}", "index": 0, "stop": "waiting"},
    "/hub/v1/jobs/detail": {"job": "{job}"},
    "/hub/v1/jobs/order": {"jobs": ["{job}", "other"]},
    "/hub/v1/jobs/priority": {"job": "{job}", "priority": 3},
    "/hub/v1/jobs/retry": {"job": "{job}"},
    "/hub/v1/jobs/watch": {"previews": True, "run": "", "after": {"{job}": 1}},
    "/hub/v1/webhooks/create": {"url": "https://127.0.0.1:1/hook", "events": ["ended"], "name": "one"},
    "/hub/v1/webhooks/delete": {"webhook": "{webhook}"},
    "/hub/v1/webhooks/deliveries": {"webhook": "{webhook}", "limit": 5},
    "/hub/v1/webhooks/test": {"webhook": "{webhook}"},
}
