"""ONNX Runtime on a GPU: the providers that it is asked for, with a stand-in of its package."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from opbench.errors import BadValueError
from opbench.runtimes import ExecutionSettings
from opbench.runtimes.onnxruntime import _session

CUDA, TENSORRT, CPU = (f"{name}ExecutionProvider" for name in ("CUDA", "Tensorrt", "CPU"))


class Session:
    """An InferenceSession that opens those of the providers asked for that ``working`` names."""

    working: tuple[str, ...] = ()

    def __init__(self, path: str, options: Any, **given: Any) -> None:
        self.given = dict(zip(given["providers"], given["provider_options"], strict=True))

    def get_providers(self) -> list[str]:
        return [*(each for each in self.given if each in self.working), CPU]


def opened(
    monkeypatch: pytest.MonkeyPatch, *there: str, fails: str = "", **settings: Any
) -> dict[str, dict[str, str]]:
    package = ModuleType("onnxruntime")
    vars(package).update(
        SessionOptions=lambda: SimpleNamespace(add_session_config_entry=lambda key, value: None),
        ExecutionMode=SimpleNamespace(ORT_SEQUENTIAL=0),
        get_available_providers=lambda: [*there, CPU],
        InferenceSession=Session,
    )
    monkeypatch.setitem(sys.modules, "onnxruntime", package)
    monkeypatch.setattr(Session, "working", tuple(each for each in there if each != fails))
    session: Session = _session(Path("model.onnx"), ExecutionSettings(**settings))
    return session.given


def test_cuda_computes_on_the_gpu_that_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    given = opened(monkeypatch, TENSORRT, CUDA, device="cuda:1")
    assert given == {CUDA: {"device_id": "1", "use_tf32": "0"}}
    given = opened(monkeypatch, CUDA, device="cuda", tf32=True)
    assert given == {CUDA: {"device_id": "0", "use_tf32": "1"}}


def test_tensorrt_leaves_to_cuda_what_it_does_not_take(monkeypatch: pytest.MonkeyPatch) -> None:
    given = opened(monkeypatch, TENSORRT, CUDA, device="cuda:1", mode="tensorrt", dtype="float16")
    assert list(given) == [TENSORRT, CUDA]
    assert given[TENSORRT] == {"device_id": "1", "trt_fp16_enable": "1"}
    given = opened(monkeypatch, TENSORRT, CUDA, device="cuda:0", mode="tensorrt")
    assert given[TENSORRT]["trt_fp16_enable"] == "0"


@pytest.mark.parametrize(
    ("there", "settings", "sentence"),
    [
        ((), {"device": "cuda"}, "computes on the processor alone: pip install onnxruntime-gpu"),
        ((CUDA,), {"device": "cuda", "mode": "tensorrt"}, "has no TensorRT: write --runtime onnx"),
        (
            (CUDA,),
            {"device": "cpu", "mode": "tensorrt"},
            "tensorrt computes on a GPU: add --device",
        ),
        ((CUDA,), {"device": "cuda", "fails": CUDA}, f"could not open its {CUDA}"),
        (
            (TENSORRT, CUDA),
            {"device": "cuda", "mode": "tensorrt", "fails": TENSORRT},
            f"could not open its {TENSORRT}",
        ),
    ],
)
def test_what_it_would_compute_elsewhere_is_refused(
    monkeypatch: pytest.MonkeyPatch, there: tuple[str, ...], settings: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(BadValueError, match=sentence):
        opened(monkeypatch, *there, **settings)
