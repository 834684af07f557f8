"""Every registered parameter carries exactly the documented values (swarm-api §5.3, §5.4)."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from backends.contract import EngineState, EngineType
from backends.diffusers_local.engine import ENGINE
from hub.params import DOCUMENTED, Registry
from hub.params.pairs import Asked
from hub.params.unserved import PARAMS as UNSERVED
from permissions import FLAGS
from tests.hub.params.conftest import STATES, TYPES

# id, name, type, default, min, max, step, view_min, view_max, view, group, priority, flags
TABLE = """
prompt|Prompt|text||0|0|1|0|0|prompt||-100|hidden
negativeprompt|Negative Prompt|text||0|0|1|0|0|prompt||-90|hidden ign=
model|Model|model||0|0|1|0|0|small||10|hidden perm=model_params sub=Stable-Diffusion
images|Images|integer|1|1|10000|1|0|0|small|coreparameters|-50|retain ign=1
seed|Seed|integer|-1|-1|9223372036854775807|1|0|0|seed|coreparameters|-30|
steps|Steps|integer|20|0|500|1|0|60|slider|coreparameters|-20|sect
cfgscale|CFG Scale|decimal|7|0|100|0.5|0|20|slider|coreparameters|-18|sect
variationseed|Variation Seed|integer|-1|-1|4294967295|1|0|0|seed|variationseed|-17|sect ff=variation_seed
variationseedstrength|Variation Seed Strength|decimal|0|0|1|0.05|0|0|slider|variationseed|-17|sect ign=0 ff=variation_seed
aspectratio|Aspect Ratio|dropdown|1:1|0|0|1|0|0|small|resolution|-11|
width|Width|integer|512|64|16384|32|256|2048|pot_slider|resolution|-10|
height|Height|integer|512|64|16384|32|256|2048|pot_slider|resolution|-9|
sidelength|Side Length|integer|1024|64|16384|32|256|4096|pot_slider|resolution|-8|tog
sampler|Sampler|dropdown|euler|0|0|1|0|0|small|sampling|-5|tog sect
scheduler|Scheduler|dropdown|normal|0|0|1|0|0|small|sampling|-4|tog sect
initimage|Init Image|image|null|0|0|1|0|0|small|initimage|-5|
initimagecreativity|Init Image Creativity|decimal|0.6|0|1|0.05|0|0|slider|initimage|-4.5|
batchsize|Batch Size|integer|1|1|100|1|0|10|slider|swarminternal|-20|adv ign=1
altresolutionheightmultiplier|Alt Resolution Height Multiplier|decimal|1|0|10|0.1|0|0|slider|swarminternal|-19|adv tog
rawresolution|Raw Resolution|text|1024x1024|0|0|1|0|0|small|swarminternal|-18|adv tog
donotsave|Do Not Save|boolean|false|0|0|1|0|0|small|swarminternal|-15|adv retain ign=false
nopreviews|No Previews|boolean|false|0|0|1|0|0|small|swarminternal|-14|adv retain ign=false
continueaftererrors|Continue After Errors|boolean|false|0|0|1|0|0|small|swarminternal|-12|adv retain ign=false
internalbackendtype|[Internal] Backend Type|dropdown|Any|0|0|1|0|0|small|swarminternal|-10|adv retain ign=Any perm=param_backend_type
exactbackendid|Exact Backend ID|dropdown|0|0|0|1|0|0|big|swarminternal|-9|adv tog retain perm=param_backend_id
wildcardseed|Wildcard Seed|integer|-1|-1|4294967295|1|0|0|seed|swarminternal|-5|tog retain
wildcardseedbehavior|Wildcard Seed Behavior|dropdown|Random|0|0|1|0|0|small|swarminternal|-4.5|adv retain ign=Random
noseedincrement|No Seed Increment|boolean|false|0|0|1|0|0|small|swarminternal|-4|adv retain ign=false
personalnote|Personal Note|text||0|0|1|0|0|big|swarminternal|0|adv retain ign=
imageformat|Image Format|dropdown|PNG|0|0|1|0|0|small|swarminternal|1|adv tog retain
clipstopatlayer|CLIP Stop At Layer|integer|-1|-24|-1|1|0|0|small|advancedsampling|-10|adv tog
overrideoutpathformat|Override Outpath Format|text|raw/[year]-[month]-[day]/[hour][minute][request_time_inc]-[prompt]-[model]|0|0|1|0|0|small|swarminternal|3|adv tog
maskimage|Mask Image|image|null|0|0|1|0|0|small|initimage|-4|
maskshrinkgrow|Mask Shrink Grow|integer|8|0|512|1|0|0|small|initimage|-3.7|tog dep
maskblur|Mask Blur|integer|4|0|64|1|0|0|small|initimage|-3.6|ign=0 dep
maskgrow|Mask Grow|integer|0|0|256|1|0|0|small|initimage|-3.5|adv ign=0 dep
initimagerecompositemask|Init Image Recomposite Mask|boolean|true|0|0|1|0|0|small|initimage|-3.4|adv ign=true dep
useinpaintingencode|Use Inpainting Encode|boolean|false|0|0|1|0|0|small|initimage|-3.2|adv ign=false
refinercontrolpercentage|Refiner Control Percentage|decimal|0.2|0|1|0.05|0|0|slider|refineupscale|-4|nopreview ff=refiners
refinermethod|Refiner Method|dropdown|PostApply|0|0|1|0|0|small|refineupscale|-3|adv nopreview ff=refiners
refinerupscale|Refiner Upscale|decimal|1|0.25|8|0.25|0|4|slider|refineupscale|-2|nopreview ign=1 ff=refiners
refinerupscalemethod|Refiner Upscale Method|dropdown|pixel-lanczos|0|0|1|0|0|small|refineupscale|-1|nopreview ff=refiners dep
refinerdotiling|Refiner Do Tiling|boolean|false|0|0|1|0|0|small|refineupscale|5|nopreview ign=false ff=refiners
refinermodel|Refiner Model|model|(Use Base)|0|0|1|0|0|small|refinerparamoverrides|-10|nopreview ign=(Use_Base) ff=refiners sub=Stable-Diffusion
refinervae|Refiner VAE|model|None|0|0|1|0|0|small|refinerparamoverrides|-9|adv nopreview ign=None ff=refiners sub=VAE
refinersteps|Refiner Steps|integer|40|1|200|1|0|60|slider|refinerparamoverrides|-5|adv tog
refinercfgscale|Refiner CFG Scale|decimal|7|0|100|0.5|0|20|slider|refinerparamoverrides|-4|adv tog
refinersampler|Refiner Sampler|dropdown|euler|0|0|1|0|0|small|refinerparamoverrides|-3|adv tog
refinerscheduler|Refiner Scheduler|dropdown|normal|0|0|1|0|0|small|refinerparamoverrides|-2.9|adv tog
outputintermediateimages|Output Intermediate Images|boolean|false|0|0|1|0|0|small|swarminternal|-16|adv ign=false
donotsaveintermediates|Do Not Save Intermediates|boolean|false|0|0|1|0|0|small|swarminternal|-14.5|adv retain ign=false
forwardrawbackenddata|Forward Raw Backend Data|boolean|false|0|0|1|0|0|small|swarminternal|10|adv hidden retain nometa ign=false
forwardswarmdata|Forward Swarm Data|boolean|false|0|0|1|0|0|small|swarminternal|10|adv hidden retain nometa ign=false
gridgenpromptreplace|[Grid Gen] Prompt Replace|text||0|0|1|0|0|small||10|hidden tog retain noreuse
gridgenpromptadd|[Grid Gen] Prompt Add|text||0|0|1|0|0|small||10|hidden tog retain noreuse
gridgenpresets|[Grid Gen] Presets|dropdown||0|0|1|0|0|small||10|hidden tog retain noreuse
webhooks|Webhooks|dropdown|Normal|0|0|1|0|0|small|swarminternal|-12|adv retain ign=Normal
colordepth|Color Depth|dropdown|8bit|0|0|1|0|0|small|swarminternal|1.5|adv ign=8bit
vae|VAE|model|None|0|0|1|0|0|small|advancedmodeladdons|10|adv tog ign=None perm=model_params sub=VAE
loras|LoRAs|list||0|0|1|0|0|small|advancedmodeladdons|10|adv hidden ign= sub=LoRA
loraweights|LoRA Weights|list||-10|10|0.1|0|0|small|advancedmodeladdons|10|adv hidden ign=
loratencweights|LoRA Tenc Weights|list||-10|10|0.1|0|0|small|advancedmodeladdons|10|adv hidden ign=
lorasectionconfinement|LoRA Section Confinement|list||0|0|1|0|0|small|advancedmodeladdons|10|adv hidden ign=
fluxguidancescale|Flux Guidance Scale|decimal|3.5|0|100|0.1|0|10|slider|sampling|6|tog ff=flux-dev
seamlesstileable|Seamless Tileable|dropdown|false|0|0|1|0|0|small|sampling|15|ign=false ff=seamless
vaetilesize|VAE Tile Size|integer|256|128|4096|32|0|0|small|advancedsampling|-5|adv tog
vaetileoverlap|VAE Tile Overlap|integer|64|0|4096|32|0|0|small|advancedsampling|-4.8|adv tog dep
initimageresettonorm|Init Image Reset To Norm|decimal|0|0|1|0.05|0|0|slider|initimage|-4.5|adv ign=0
initimagenoise|Init Image Noise|decimal|0|0|10|0.05|0|1|slider|initimage|-4.2|adv ign=0
maskbehavior|Mask Behavior|dropdown|Differential|0|0|1|0|0|small|advancedsampling|-3.5|adv tog
controlnetpreprocessor|ControlNet Preprocessor|dropdown|None|0|0|1|0|0|small|controlnet|3|tog ff=controlnet perm=param_controlnet
controlnetuniontype|ControlNet Union Type|dropdown|auto|0|0|1|0|0|small|controlnet|4|tog ff=controlnet perm=param_controlnet
controlnettwopreprocessor|ControlNet Two Preprocessor|dropdown|None|0|0|1|0|0|small|controlnettwo|3|tog ff=controlnet perm=param_controlnet
controlnettwouniontype|ControlNet Two Union Type|dropdown|auto|0|0|1|0|0|small|controlnettwo|4|tog ff=controlnet perm=param_controlnet
controlnetthreepreprocessor|ControlNet Three Preprocessor|dropdown|None|0|0|1|0|0|small|controlnetthree|3|tog ff=controlnet perm=param_controlnet
controlnetthreeuniontype|ControlNet Three Union Type|dropdown|auto|0|0|1|0|0|small|controlnetthree|4|tog ff=controlnet perm=param_controlnet
controlnetimageinput|ControlNet Image Input|image|null|0|0|1|0|0|small|controlnet|1|tog ff=controlnet perm=param_controlnet
controlnetmodel|ControlNet Model|model|(None)|0|0|1|0|0|small|controlnet|5|ff=controlnet perm=param_controlnet sub=ControlNet
controlnetstrength|ControlNet Strength|decimal|1|0|2|0.05|0|0|slider|controlnet|8|ff=controlnet perm=param_controlnet
controlnetstart|ControlNet Start|decimal|0|0|1|0.05|0|0|slider|controlnet|10|adv ign=0 ff=controlnet perm=param_controlnet
controlnetend|ControlNet End|decimal|1|0|1|0.05|0|0|slider|controlnet|11|adv ign=1 ff=controlnet perm=param_controlnet
controlnettwoimageinput|ControlNet Two Image Input|image|null|0|0|1|0|0|small|controlnettwo|1|tog ff=controlnet perm=param_controlnet
controlnettwomodel|ControlNet Two Model|model|(None)|0|0|1|0|0|small|controlnettwo|5|ff=controlnet perm=param_controlnet sub=ControlNet
controlnettwostrength|ControlNet Two Strength|decimal|1|0|2|0.05|0|0|slider|controlnettwo|8|ff=controlnet perm=param_controlnet
controlnettwostart|ControlNet Two Start|decimal|0|0|1|0.05|0|0|slider|controlnettwo|10|adv ign=0 ff=controlnet perm=param_controlnet
controlnettwoend|ControlNet Two End|decimal|1|0|1|0.05|0|0|slider|controlnettwo|11|adv ign=1 ff=controlnet perm=param_controlnet
controlnetthreeimageinput|ControlNet Three Image Input|image|null|0|0|1|0|0|small|controlnetthree|1|tog ff=controlnet perm=param_controlnet
controlnetthreemodel|ControlNet Three Model|model|(None)|0|0|1|0|0|small|controlnetthree|5|ff=controlnet perm=param_controlnet sub=ControlNet
controlnetthreestrength|ControlNet Three Strength|decimal|1|0|2|0.05|0|0|slider|controlnetthree|8|ff=controlnet perm=param_controlnet
controlnetthreestart|ControlNet Three Start|decimal|0|0|1|0.05|0|0|slider|controlnetthree|10|adv ign=0 ff=controlnet perm=param_controlnet
controlnetthreeend|ControlNet Three End|decimal|1|0|1|0.05|0|0|slider|controlnetthree|11|adv ign=1 ff=controlnet perm=param_controlnet
globalregionfactor|Global Region Factor|decimal|0.5|0|1|0.05|0|0|slider|regionalprompting|-5|tog ign=0.5
regionalobjectcleanupfactor|Regional Object Cleanup Factor|decimal|0|0|1|0.05|0|0|slider|regionalprompting|-4|adv ign=0
segmentmaskblur|Segment Mask Blur|integer|10|0|64|1|0|0|small|segmentrefining|4|tog
segmentmaskgrow|Segment Mask Grow|integer|16|0|512|1|0|0|small|segmentrefining|5|tog
segmentmaskoversize|Segment Mask Oversize|integer|16|0|512|1|0|0|small|segmentrefining|5.5|tog
segmentthresholdmax|Segment Threshold Max|decimal|1|0|1|0.05|0|0|slider|segmentrefining|6|tog
segmentsortorder|Segment Sort Order|dropdown|left-right|0|0|1|0|0|small|segmentrefining|7|ign=left-right
segmentapplyafter|Segment Apply After|dropdown|Refiner|0|0|1|0|0|small|segmentrefining|8|ign=Refiner
segmentsteps|Segment Steps|integer|40|1|200|1|0|100|slider|segmentparamoverrides|4|adv tog
segmentcfgscale|Segment CFG Scale|decimal|7|0|100|0.5|0|20|slider|segmentparamoverrides|5|adv tog
comfyuicustomworkflow|ComfyUI Custom Workflow|dropdown||0|0|1|0|0|small|swarminternal|10|adv tog ign= ff=comfyui perm=comfy_stored_custom_workflows
promptimages|Prompt Images|image_list||0|0|1|0|0|small||-95|adv hidden ign=
promptaudios|Prompt Audios|audio_list||0|0|1|0|0|small||-94|adv hidden ign=
promptvideos|Prompt Videos|video_list||0|0|1|0|0|small||-93|adv hidden ign=
revisionstrength|ReVision Strength|decimal|0|0|10|0.1|0|0|slider|imageprompting|-70|ign=0 ff=sdxl
revisionzeroprompt|ReVision Zero Prompt|boolean|false|0|0|1|0|0|small|imageprompting|10|ign=false ff=sdxl
usereferenceonly|Use Reference Only|boolean|false|0|0|1|0|0|small|imageprompting|10|adv ign=false
smartimagepromptresizing|Smart Image Prompt Resizing|boolean|true|0|0|1|0|0|small|imageprompting|10|adv ign=true
textvideoframes|Text2Video Frames|integer|25|1|1000|1|0|0|video_frames|texttovideo|1|tog ff=text2video
textaudioduration|Text2Audio Duration|decimal|120|1|1000|1|0|0|small|texttoaudio|-10|tog ff=text2audio
textaudiostyle|Text2Audio Style|text|pop|0|0|1|0|0|prompt|texttoaudio|-5|ff=text2audio
textaudiobpm|Text2Audio BPM|integer|120|10|300|1|0|0|small|texttoaudio|2|ff=text2audio
textaudiotimesignature|Text2Audio Time Signature|dropdown|4|1|12|1|0|0|small|texttoaudio|3|ff=text2audio
textaudiolanguage|Text2Audio Language|dropdown|en|0|0|1|0|0|small|texttoaudio|4|ff=text2audio
textaudiokeyscale|Text2Audio Key Scale|dropdown|C|0|0|1|0|0|small|texttoaudio|5|ff=text2audio
cascadelatentcompression|Cascade Latent Compression|integer|32|1|100|1|0|0|small|sampling|4.5|adv ign=32 ff=cascade
sdtextencs|SD3 TextEncs|dropdown|CLIP + T5|0|0|1|0|0|small|sampling|5|tog ff=sd3
fluxdisableguidance|Flux Disable Guidance|boolean|false|0|0|1|0|0|small|sampling|6.2|adv ign=false ff=flux-dev
zeronegative|Zero Negative|boolean|false|0|0|1|0|0|small|sampling|7|ign=false
unsamplerprompt|Unsampler Prompt|text||0|0|1|0|0|prompt|initimage|-3|adv tog
controlnetpreviewonly|ControlNet Preview Only|boolean|false|0|0|1|0|0|small||10|hidden ign=false ff=controlnet perm=param_controlnet
videomodel|Video Model|model||0|0|1|0|0|small|imagetovideo|1|nopreview ff=video perm=param_video sub=Stable-Diffusion
videoswapmodel|Video Swap Model|model||0|0|1|0|0|small|imagetovideo|1.5|adv tog nopreview ff=video perm=param_video sub=Stable-Diffusion
videoswappercent|Video Swap Percent|decimal|0.5|0|1|0.05|0|0|slider|imagetovideo|1.7|adv nopreview ff=video perm=param_video dep
videoframes|Video Frames|integer|25|1|1000|1|0|0|video_frames|imagetovideo|2|tog nopreview ff=video perm=param_video
videosteps|Video Steps|integer|20|1|200|1|0|100|slider|imagetovideo|3|nopreview ff=video perm=param_video
videocfg|Video CFG|decimal|7|1|100|0.5|0|20|slider|imagetovideo|4|tog nopreview ff=video perm=param_video
videoresolution|Video Resolution|dropdown|Image Aspect, Model Res|0|0|1|0|0|small|imagetovideo|19|nopreview ff=video perm=param_video
videovideocreativity|Video2Video Creativity|decimal|1|0|1|0.05|0|0|slider|imagetovideo|19.5|adv nopreview ign=1 ff=video perm=param_video
videoendimage|Video End Image|image|null|0|0|1|0|0|small|imagetovideo|30|adv nopreview ff=video perm=param_video
videofps|Video FPS|integer|24|1|1024|1|0|30|slider|advancedvideo|1|adv tog ff=video perm=param_video
videoboomerang|Video Boomerang|boolean|false|0|0|1|0|0|small|advancedvideo|2|adv nopreview ign=false ff=video perm=param_video
videoformat|Video Format|dropdown|h264-mp4|0|0|1|0|0|small|advancedvideo|3|adv tog nopreview ff=video perm=param_video
videoaudioinput|Video Audio Input|audio|null|0|0|1|0|0|small|advancedvideo|3|adv nopreview ff=video perm=param_video
videomincfg|Video Min CFG|decimal|1.0|-1|100|0.5|0|30|slider|videoobscureoptions|4.5|adv tog ff=video perm=param_video
videomotionbucket|Video Motion Bucket|integer|127|1|1023|1|0|0|small|videoobscureoptions|10|adv tog ff=video perm=param_video
videoaugmentationlevel|Video Augmentation Level|decimal|0.0|0|10|0.01|0|1|slider|videoobscureoptions|11|adv tog ff=video perm=param_video
trimvideostartframes|Trim Video Start Frames|integer|0|0|1000|1|0|0|small|videoobscureoptions|-11|adv ign=0 ff=video perm=param_video
trimvideoendframes|Trim Video End Frames|integer|0|0|1000|1|0|0|small|videoobscureoptions|-10|adv ign=0 ff=video perm=param_video
videoextendframeoverlap|Video Extend Frame Overlap|integer|9|1|128|1|0|0|small|videoextend|5.5|nopreview
videoextendmodel|Video Extend Model|model||0|0|1|0|0|small|videoextend|1|nopreview ff=video perm=param_video sub=Stable-Diffusion
videoextendswapmodel|Video Extend Swap Model|model||0|0|1|0|0|small|videoextend|1.5|adv tog nopreview ff=video perm=param_video sub=Stable-Diffusion
videoextendswappercent|Video Extend Swap Percent|decimal|0.5|0|1|0.05|0|0|slider|videoextend|1.7|adv nopreview ff=video perm=param_video dep
videoextendformat|Video Extend Format|dropdown|h264-mp4|0|0|1|0|0|small|videoextend|20|nopreview ff=video perm=param_video
automaticvae|Automatic VAE|boolean|false|0|0|1|0|0|small|advancedmodeladdons|10|adv hidden tog noreuse ign=false perm=model_params
cliplmodel|CLIP-L Model|model||0|0|1|0|0|small|advancedmodeladdons|15|adv tog ign= perm=model_params sub=Clip
clipgmodel|CLIP-G Model|model||0|0|1|0|0|small|advancedmodeladdons|16|adv tog ign= perm=model_params sub=Clip
clipvisionmodel|CLIP-Vision Model|model||0|0|1|0|0|small|advancedmodeladdons|16.5|adv tog ign= perm=model_params sub=ClipVision
txxlmodel|T5-XXL Model|model||0|0|1|0|0|small|advancedmodeladdons|17|adv tog ign= perm=model_params sub=Clip
llavamodel|LLaVA Model|model||0|0|1|0|0|small|advancedmodeladdons|18|adv tog ign= perm=model_params sub=Clip
llamamodel|LLaMA Model|model||0|0|1|0|0|small|advancedmodeladdons|19|adv tog ign= perm=model_params sub=Clip
qwenmodel|Qwen Model|model||0|0|1|0|0|small|advancedmodeladdons|20|adv tog ign= perm=model_params sub=Clip
mistralmodel|Mistral Model|model||0|0|1|0|0|small|advancedmodeladdons|20|adv tog ign= perm=model_params sub=Clip
gemmamodel|Gemma Model|model||0|0|1|0|0|small|advancedmodeladdons|20|adv tog ign= perm=model_params sub=Clip
gptossmodel|GPT-OSS Model|model||0|0|1|0|0|small|advancedmodeladdons|20|adv tog ign= perm=model_params sub=Clip
torchcompile|Torch Compile|dropdown|Disabled|0|0|1|0|0|small|advancedmodeladdons|40|ign=Disabled
overridepredictiontype|Override Prediction Type|dropdown|epsilon|0|0|1|0|0|small|advancedmodeladdons|50|tog
negativemodel|Negative Model|model||0|0|1|0|0|small|advancedmodeladdons|80|adv tog sect ign= perm=model_params sub=Stable-Diffusion
negativemodelincludeloras|Negative Model Include LoRAs|boolean|true|0|0|1|0|0|small|advancedmodeladdons|81|adv tog sect perm=model_params
noloadmodels|No Load Models|boolean|false|0|0|1|0|0|small|swarminternal|-13|adv retain ign=false
nointernalspecialhandling|No Internal Special Handling|boolean|false|0|0|1|0|0|small|swarminternal|-13|adv hidden retain ign=false
modelspecificenhancements|Model Specific Enhancements|boolean|true|0|0|1|0|0|small|swarminternal|5|adv ign=true
regionalobjectinpaintingmodel|Regional Object Inpainting Model|model||0|0|1|0|0|small|regionalprompting|-3|adv tog sub=Stable-Diffusion
maskcompositeunthresholded|Mask Composite Unthresholded|boolean|false|0|0|1|0|0|small|regionalprompting|3|adv ign=false
savesegmentmask|Save Segment Mask|boolean|false|0|0|1|0|0|small|segmentrefining|3|ign=false
segmenttargetresolution|Segment Target Resolution|text|1024x1024|0|0|1|0|0|small|segmentrefining|20|tog
segmentmodel|Segment Model|model||0|0|1|0|0|small|segmentparamoverrides|2|adv tog sub=Stable-Diffusion
samplersigmamin|Sampler Sigma Min|decimal|0|0|1000|0.01|0|0|small|advancedsampling|-23|adv tog
samplersigmamax|Sampler Sigma Max|decimal|10|0|1000|0.01|0|0|small|advancedsampling|-22|adv tog
sigmashift|Sigma Shift|decimal|3|0|100|0.01|0|0|small|advancedsampling|-21|adv tog sect
samplerrho|Sampler Rho|decimal|7|0|1000|0.01|0|0|small|advancedsampling|-20|adv tog
ippcfg|IP2P CFG 2|decimal|1.5|1|100|0.5|0|20|slider|advancedsampling|-12|tog
vaetemporaltilesize|VAE Temporal Tile Size|integer|64|8|4096|4|0|0|small|advancedsampling|-4.6|adv tog dep
vaetemporaltileoverlap|VAE Temporal Tile Overlap|integer|8|4|4096|4|0|0|small|advancedsampling|-4.4|adv tog dep
colorcorrectionbehavior|Color Correction Behavior|dropdown|None|0|0|1|0|0|small|advancedsampling|-3|adv ign=None
removebackground|Remove Background|boolean|false|0|0|1|0|0|small|advancedsampling|-2|adv ign=false
conditioningmultiplier|Conditioning Multiplier|decimal|1|-100|100|0.01|0|0|small|advancedsampling|-1|adv tog
negativeconditioningmultiplier|Negative Conditioning Multiplier|decimal|1|-100|100|0.01|0|0|small|advancedsampling|-0.9|adv tog
endstepsearly|End Steps Early|decimal|0|0|1|1|0|0|small|advancedsampling|10|hidden tog ign=0 ff=endstepsearly
freeuapplyto|[FreeU] Apply To|dropdown|Both|0|0|1|0|0|small|freeu|-10|adv ff=freeu
freeuversion|[FreeU] Version|dropdown|1|0|0|1|0|0|small|freeu|-9|adv ff=freeu
freeublockone|[FreeU] Block One|decimal|1.1|0|10|0.05|0|0|small|freeu|-4|adv ff=freeu
freeublocktwo|[FreeU] Block Two|decimal|1.2|0|10|0.05|0|0|small|freeu|-3|adv ff=freeu
freeuskipone|[FreeU] Skip One|decimal|0.9|0|10|0.05|0|0|small|freeu|-2|adv ff=freeu
freeuskiptwo|[FreeU] Skip Two|decimal|0.2|0|10|0.05|0|0|small|freeu|-1|adv ff=freeu
audiosilentprefixduration|Audio Silent Prefix Duration|decimal|0.1|0|9999|0.1|0|10|slider|otherfixes|5|adv tog
audiosilentsuffixduration|Audio Silent Suffix Duration|decimal|0|0|9999|0.1|0|10|slider|otherfixes|5|adv tog
placeholderparamgroupstarred|Placeholder Param - Group Starred|boolean|false|0|0|1|0|0|small|starred|10|adv hidden ign=false
placeholderparamgroupuserone|Placeholder Param - Group User One|boolean|false|0|0|1|0|0|small|usergroupone|10|adv hidden ign=false
placeholderparamgroupusertwo|Placeholder Param - Group User Two|boolean|false|0|0|1|0|0|small|usergrouptwo|10|adv hidden ign=false
placeholderparamgroupuserthree|Placeholder Param - Group User Three|boolean|false|0|0|1|0|0|small|usergroupthree|10|adv hidden ign=false
sampositivepoints|SAM Positive Points|text|[]|0|0|1|0|0|small||10|hidden tog retain nosave xhidden nopreview ign=[] ff=sam2
samnegativepoints|SAM Negative Points|text|[]|0|0|1|0|0|small||10|hidden tog retain nosave xhidden nopreview ign=[] ff=sam2
sambbox|SAM BBox|text||0|0|1|0|0|small||10|hidden tog retain nosave xhidden nopreview ign= ff=sam2
useipadapter|Use IP-Adapter|dropdown|None|0|0|1|0|0|small|imageprompting|10|ign=None ff=ipadapter
ipadapterweight|IP-Adapter Weight|decimal|1|-1|3|0.05|0|0|small|imageprompting|10|ign=1 ff=ipadapter dep
ipadapterstart|IP-Adapter Start|decimal|0|0.0|1.0|0.05|0|0|small|imageprompting|10|ign=0 ff=ipadapter dep
ipadapterend|IP-Adapter End|decimal|1|0.0|1.0|0.05|0|0|small|imageprompting|10|ign=1 ff=ipadapter dep
ipadapterweighttype|IP-Adapter Weight Type|dropdown|standard|0|0|1|0|0|small|imageprompting|10|ff=ipadapter dep
usestylemodel|Use Style Model|dropdown|None|0|0|1|0|0|small|imageprompting|10|ign=None ff=flux-dev
stylemodelmergestrength|Style Model Merge Strength|decimal|1|0.0|1.0|0.01|0|0|small|imageprompting|10|ign=1 ff=comfyui dep
stylemodelmultiplystrength|Style Model Multiply Strength|decimal|1|0.0|10.0|0.01|0|2|small|imageprompting|10|ign=1 ff=comfyui dep
stylemodelapplystart|Style Model Apply Start|decimal|0|0.0|1.0|0.01|0|0|small|imageprompting|10|ign=0 ff=comfyui dep
enableaitemplate|Enable AITemplate|boolean|false|0|0|1|0|0|small|alternateguidance|10|ign=false ff=aitemplate
preferreddtype|Preferred DType|dropdown|automatic|0|0|1|0|0|small|advancedsampling|10|tog ff=comfyui
selfattentionguidancescale|Self-Attention Guidance Scale|decimal|0.5|-2|5|0.1|0|0|small|alternateguidance|10|tog ff=comfyui
selfattentionguidancesigmablur|Self-Attention Guidance Sigma Blur|decimal|2|0|10|0.25|0|0|small|alternateguidance|10|tog ff=comfyui dep
perturbedattentionguidancescale|Perturbed-Attention Guidance Scale|decimal|3|0|100|0.1|0|0|small|alternateguidance|10|tog ff=comfyui
rescalecfgmultiplier|Rescale CFG Multiplier|decimal|0.7|0|1|0.01|0|0|small|alternateguidance|10|tog ff=comfyui
renormcfg|Renorm CFG|decimal|0|0|100|0.1|0|2|small|alternateguidance|10|ign=0 ff=comfyui
usecfgzerostar|Use CFG-Zero Star|boolean|false|0|0|1|0|0|small|alternateguidance|10|ign=false ff=comfyui
usetcfg|Use TCFG|boolean|false|0|0|1|0|0|small|alternateguidance|10|ign=false ff=comfyui
normalizedattentionguidancescale|Normalized Attention Guidance Scale|decimal|0|0|50|1|0|0|small|alternateguidance|10|ign=0 ff=comfyui
normalizedattentionguidancealpha|Normalized Attention Guidance Alpha|decimal|0.5|0|1|0.01|0|0|small|alternateguidance|10|tog ff=comfyui dep
normalizedattentionguidancetau|Normalized Attention Guidance Tau|decimal|1.5|0.5|10|0.01|0|0|small|alternateguidance|10|tog ff=comfyui dep
pixeldecodermodel|Pixel Decoder Model|model||0|0|1|0|0|small|advancedmodeladdons|10|tog nopreview ff=comfyui sub=Stable-Diffusion
debugregionalprompting|Debug Regional Prompting|boolean|false|0|0|1|0|0|small|regionalprompting|10|hidden ign=false ff=comfyui
refinerhypertile|Refiner HyperTile|integer|256|64|2048|32|0|0|small|advancedsampling|10|tog ff=comfyui
videopreviewtype|Video Preview Type|dropdown|animate|0|0|1|0|0|small|advancedvideo|10|ign=animate ff=comfyui perm=param_video
videoframeinterpolationmultiplier|Video Frame Interpolation Multiplier|integer|1|1|10|1|0|0|small|advancedvideo|10|ign=1 ff=frameinterps perm=param_video
videoframeinterpolationmethod|Video Frame Interpolation Method|dropdown|RIFE|0|0|1|0|0|small|advancedvideo|10|ff=frameinterps perm=param_video dep
gligenmodel|GLIGEN Model|dropdown|None|0|0|1|0|0|small|regionalprompting|10|ign=None ff=comfyui
shiftedlatentaverageinit|Shifted Latent Average Init|boolean|false|0|0|1|0|0|small|advancedsampling|10|ign=false ff=comfyui
yolomodelinternal|YOLO Model Internal|dropdown||0|0|1|0|0|small|comfyuiadvanced|10|hidden tog retain ign= ff=yolov8
easycachemode|EasyCache Mode|dropdown|disabled|0|0|1|0|0|small|advancedsampling|10|ign=disabled ff=comfyui
easycachethreshold|EasyCache Threshold|decimal|0.2|0|1|0.05|0|0|small|advancedsampling|10|ff=comfyui dep
easycachestart|EasyCache Start|decimal|0.15|0|1|0.05|0|0|small|advancedsampling|10|ign=0 ff=comfyui dep
easycacheend|EasyCache End|decimal|0.95|0|1|0.05|0|0|small|advancedsampling|10|ign=1 ff=comfyui dep
teacachemode|TeaCache Mode|dropdown|disabled|0|0|1|0|0|small|advancedsampling|10|ign=disabled ff=teacache
teacachethreshold|TeaCache Threshold|decimal|0.25|0|1|0.01|0|0|small|advancedsampling|10|ff=teacache dep
teacachestart|TeaCache Start|decimal|0|0|1|0.01|0|0|small|advancedsampling|10|ign=0 ff=teacache dep
nunchakucachethreshold|Nunchaku Cache Threshold|decimal|0|0|1|0.01|0|0|small|advancedsampling|10|ign=0 ff=nunchaku
setclipdevice|Set CLIP Device|dropdown|cpu|0|0|1|0|0|small|advancedmodeladdons|10|tog ff=set_clip_device
modelattentionbackend|Model Attention Backend|dropdown|pytorch attention|0|0|1|0|0|small|advancedmodeladdons|10|tog
seedvrmodel|SeedVR Model|model|None|0|0|1|0|0|small|seedvr|10|nopreview ign=None ff=comfyui sub=Stable-Diffusion
seedvrpredownscale|SeedVR Pre-Downscale|decimal|1|0|1|0.05|0|0|small|seedvr|10|nopreview ign=1 ff=comfyui
seedvrupscale|SeedVR Upscale|decimal|1|0.25|8|0.25|0|4|small|seedvr|10|nopreview ign=1 ff=comfyui
seedvrupscalemethod|SeedVR Upscale Method|dropdown|pixel-lanczos|0|0|1|0|0|small|seedvr|10|ff=comfyui dep
seedvrcolorcorrectionbehavior|SeedVR Color Correction Behavior|dropdown|lab|0|0|1|0|0|small|seedvr|10|ff=comfyui
seedvrsplitlatent|SeedVR Split Latent|boolean|false|0|0|1|0|0|small|seedvr|10|ign=false ff=comfyui
seedvrtemporalvideooverlap|SeedVR Temporal Video Overlap|integer|0|0|4096|1|0|0|small|seedvr|10|ff=comfyui dep
autowebuisampler|[AutoWebUI] Sampler|dropdown|Euler|0|0|1|0|0|small|autowebui|10|tog ff=autowebui
dtmimicscale|[DT] Mimic Scale|decimal|7|0|100|1|0|0|small|dynamicthresholding|10|ff=dynamic_thresholding
dtthresholdpercentile|[DT] Threshold Percentile|decimal|1|0|1|0.05|0|0|small|dynamicthresholding|10|ff=dynamic_thresholding
dtcfgscalemode|[DT] CFG Scale Mode|dropdown|Constant|0|0|1|0|0|small|dynamicthresholding|10|ff=dynamic_thresholding
dtcfgscaleminimum|[DT] CFG Scale Minimum|decimal|0|0|100|1|0|0|small|dynamicthresholding|10|ff=dynamic_thresholding dep
dtmimicscalemode|[DT] Mimic Scale Mode|dropdown|Constant|0|0|1|0|0|small|dynamicthresholding|10|ff=dynamic_thresholding
dtmimicscaleminimum|[DT] Mimic Scale Minimum|decimal|0|0|100|1|0|0|small|dynamicthresholding|10|ff=dynamic_thresholding dep
dtschedulervalue|[DT] Scheduler Value|decimal|4|-999999|999999|1|0|0|small|dynamicthresholding|10|ff=dynamic_thresholding
dtseparatefeaturechannels|[DT] Separate Feature Channels|boolean|true|0|0|1|0|0|small|dynamicthresholding|10|ff=dynamic_thresholding
dtscalingstartpoint|[DT] Scaling Startpoint|dropdown|MEAN|0|0|1|0|0|small|dynamicthresholding|10|ff=dynamic_thresholding
dtvariabilitymeasure|[DT] Variability Measure|dropdown|AD|0|0|1|0|0|small|dynamicthresholding|10|ff=dynamic_thresholding
dtinterpolatephi|[DT] Interpolate Phi|decimal|1|0|1|0.05|0|0|small|dynamicthresholding|10|ff=dynamic_thresholding
"""  # noqa: E501
ROWS = [line.split("|") for line in TABLE.strip().splitlines()]

OURS = {
    "comfyworkflowraw": "swarminternal",
    "hubchain": "swarminternal",
    "comfyworkflowparammetadata": "swarminternal",
    "deterministic": "swarminternal",
    "outpaintleft": "initimage",
    "outpainttop": "initimage",
    "outpaintright": "initimage",
    "outpaintbottom": "initimage",
}
"""Parameters that SwarmUI has no word for, with their groups."""

# id, name, priority, toggles, open, advanced
GROUPS = {
    "coreparameters": ("Core Parameters", -50, False, True, False),
    "variationseed": ("Variation Seed", -17, True, False, False),
    "resolution": ("Resolution", -11, False, False, False),
    "sampling": ("Sampling", -8, False, False, False),
    "initimage": ("Init Image", -5, True, False, False),
    "swarminternal": ("Swarm Internal", 0, False, False, True),
    "refineupscale": ("Refine / Upscale", -3, True, False, False),
    "refinerparamoverrides": ("Refiner Param Overrides", 50, False, True, True),
    "controlnet": ("ControlNet", -0.9, True, False, False),
    "controlnettwo": ("ControlNet Two", -0.8, True, False, True),
    "controlnetthree": ("ControlNet Three", -0.7, True, False, True),
    "advancedmodeladdons": ("Advanced Model Addons", 8, False, False, True),
    "regionalprompting": ("Regional Prompting", 9, False, True, True),
    "segmentrefining": ("Segment Refining", 9.5, False, True, True),
    "segmentparamoverrides": ("Segment Param Overrides", 50, False, True, True),
    "advancedsampling": ("Advanced Sampling", 15, False, True, True),
    "imageprompting": ("Image Prompting", -70, True, False, False),
    "starred": ("Starred", -60, False, True, False),
    "texttovideo": ("Text To Video", -30, True, False, False),
    "texttoaudio": ("Text To Audio", -29, True, False, False),
    "usergroupone": ("User Group One", -10, False, False, False),
    "usergrouptwo": ("User Group Two", -10, False, False, False),
    "usergroupthree": ("User Group Three", -10, False, False, False),
    "imagetovideo": ("Image To Video", 0, True, False, False),
    "advancedvideo": ("Advanced Video", 6, False, False, False),
    "videoobscureoptions": ("Video Obscure Options", 50, False, True, True),
    "videoextend": ("Video Extend", 7, True, False, True),
    "alternateguidance": ("Alternate Guidance", 50, False, True, True),
    "freeu": ("FreeU", 10, True, True, False),
    "comfyuiadvanced": ("ComfyUI Advanced", 12, False, False, True),
    "seedvr": ("SeedVR", 11, True, False, True),
    "autowebui": ("Auto WebUI", 12, False, False, True),
    "dynamicthresholding": ("Dynamic Thresholding", 11, True, False, True),
    "otherfixes": ("Other Fixes", 60, False, True, True),
}


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_a_parameter_is_as_documented(registry: Registry, row: list[str]) -> None:
    param = registry.params[row[0]]
    default = "null" if param.default is None else param.default
    numbers = (param.min, param.max, param.step, param.view_min, param.view_max)
    found = [param.id, param.name, param.type, default, *map(str, numbers)]
    found += [param.view_type, param.group or "", f"{param.priority:g}"]
    assert found == row[:12]
    flags = {
        "adv": param.advanced,
        "tog": param.toggleable,
        "hidden": not param.visible,
        "retain": param.always_retain,
        "sect": param.can_sectionalize,
        f"ign={param.ignore}": param.ignore is not None,
        f"ff={param.feature_flag}": param.feature_flag is not None,
        f"perm={param.permission}": param.permission is not None,
        f"sub={param.subtype}": param.subtype is not None,
        "dep": param.depend_non_default is not None,
        "noreuse": param.nonreusable,
        "nosave": param.do_not_save,
        "nopreview": param.do_not_preview,
        "xhidden": param.extra_hidden,
        "nometa": param.hide_from_metadata,
    }
    assert {flag.replace(" ", "_") for flag, on in flags.items() if on} == set(row[12].split())


def test_every_parameter_is_in_the_table(registry: Registry) -> None:
    assert set(registry.params) == {row[0] for row in ROWS} | set(OURS)
    assert all(registry.params[key].group == group for key, group in OURS.items())
    assert not DOCUMENTED.keys() & OURS.keys()


def test_groups_are_as_documented(registry: Registry) -> None:
    assert {
        group.id: (group.name, group.priority, group.toggles, group.open, group.advanced)
        for group in registry.groups.values()
    } == GROUPS
    assert all(param.group is None or param.group in registry.groups for param in registry.params.values())


def test_every_parameter_is_explained_and_documented(registry: Registry) -> None:
    for param in registry.params.values():
        assert len(param.description) > 20
        assert param.id in OURS or DOCUMENTED[param.id] in (param.name, param.id)
        assert param.permission is None or param.permission in FLAGS
        assert param.values is None or len(param.values) == len(param.value_names or ())


def test_the_documented_ids_are_all_registered(registry: Registry) -> None:
    assert not DOCUMENTED.keys() - registry.params.keys()


def test_the_documented_ids_are_all_known() -> None:
    assert len(DOCUMENTED) > 240
    for name in (
        "loras",
        "refinermodel",
        "controlnetthreestrength",
        "txxlmodel",
        "videofps",
        "ipadapterweight",
    ):
        assert name in DOCUMENTED


class TestWhatNoEngineCanDo:
    def test_none_of_them_is_silently_without_a_need(self) -> None:
        free = {param.id for param in UNSERVED if not param.asked_of_engines}
        placeholders = {
            f"placeholderparamgroup{name}" for name in ("starred", "userone", "usertwo", "userthree")
        }
        assert free == {"automaticvae", "modelspecificenhancements", *placeholders}

    def test_no_engine_has_what_they_need(self, registry: Registry) -> None:
        needs = {feature for param in UNSERVED for feature in param.asked_of_engines}
        assert not needs & set(ENGINE.features)
        flags = [param.feature_flag or "" for param in registry.params.values()]
        assert not needs & {flag for text in flags for flag in text.split(",")}

    def test_clients_are_told_what_is_lacking_beside_the_documented_flag(self, registry: Registry) -> None:
        assert registry.flags(registry.params["videosteps"]) == "video,image_to_video"
        assert registry.flags(registry.params["torchcompile"]) == "torch_compile"
        assert registry.flags(registry.params["steps"]) is None
        assert Registry([ENGINE]).flags(registry.params["vaetilesize"]) is None
        assert registry.flags(registry.params["vaetilesize"]) == "vae_tiling"


class TestWhatEnginesDecide:
    def test_documented_order_then_their_own(self, registry: Registry) -> None:
        assert list(registry.source("samplers").names) == ["euler", "dpmpp_2m", "ddim", "own_sampler"]
        assert list(registry.source("schedulers").names) == ["normal", "karras", "sgm_uniform"]

    def test_engines_that_name_nothing_narrow_nothing(self) -> None:
        nothing = [EngineType(id="x", name="X", description="", settings=TYPES[0].settings, drawer="")]
        assert len(Registry(nothing).source("samplers").names) == 44
        assert len(Registry().source("schedulers").names) == 16

    def test_kinds_and_engines(self, registry: Registry) -> None:
        assert registry.source("engine_types").names == {"Any": "Any", "local": "Local", "other": "Other"}
        assert registry.source("engines").names == {"0": "0: local", "3": "3: Far away"}


class TestEnginesThatChange:
    """What is configured and what each engine says of itself, not only the kinds there are."""

    def test_what_is_not_configured_does_not_count(self) -> None:
        registry = Registry(TYPES, lambda: STATES[:1])
        assert list(registry.source("samplers").names) == ["euler", "own_sampler"]
        assert registry.features == frozenset()
        assert registry.source("engine_types").names.keys() == {"Any", "local", "other"}

    def test_one_that_is_switched_off_does_not_count(self) -> None:
        off = msgspec.structs.replace(STATES[1], enabled=False, status="disabled")
        assert list(Registry(TYPES, lambda: [STATES[0], off]).source("samplers").names)[-1] == "own_sampler"

    def test_an_engines_own_word_counts_more_than_its_type(self) -> None:
        now: list[Any] = [list(STATES), 1]
        registry = Registry(TYPES, lambda: now[0], lambda: now[1])
        assert "heun" not in registry.source("samplers").names
        said = msgspec.structs.replace(
            STATES[0], samplers=("heun", "strange"), schedulers=("simple",), features=("video",)
        )
        now[:] = [[said, STATES[1]], 2]
        assert list(registry.source("samplers").names) == ["euler", "heun", "dpmpp_2m", "ddim", "strange"]
        assert "simple" in registry.source("schedulers").names
        assert registry.features == frozenset({"video", "prompt_switching"})
        assert registry.pairs.goes("strange", "simple", Asked("", "other"))
        assert not registry.pairs.goes("strange", "simple", Asked("", "local"))

    def test_nothing_is_made_anew_while_nothing_changes(self) -> None:
        looks = []

        def states() -> Sequence[EngineState]:
            looks.append(1)
            return STATES

        registry = Registry(TYPES, states, lambda: 1)
        first = registry.able
        assert all(registry.able is first for _ in range(5)) and len(looks) == 2


class TestTheLocalEngine:
    def test_whatever_it_can_do_can_be_asked_for(self, registry: Registry) -> None:
        asked = {feature for param in registry.params.values() for feature in param.asked_of_engines}
        by_value = {"embeddings", "prompt_switching", "upscalers", "lora_confinement"}  # by tags, by methods
        nobodys = {"comfyui", "regions", "segments"}  # others'
        nobodys |= {feature for param in UNSERVED for feature in param.asked_of_engines}
        assert set(ENGINE.features) == asked - nobodys | by_value

    def test_every_sampler_has_a_name_for_people(self) -> None:
        names = Registry([ENGINE]).source("samplers").names
        assert [key for key, name in names.items() if key == name] == []
