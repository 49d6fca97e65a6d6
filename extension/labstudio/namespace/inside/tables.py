# Sent to kernels as source: Python 3.9, nothing of labstudio. See `inside/__init__.py`.
# mypy: ignore-errors
"""DataFrames and tensors as buffers, where nothing is lost by that; and what values look like."""

import sys


def frame_reduced(frame):
    """Let columns of Python strings travel as arrow arrays; the rest travels as pandas has it.

    pandas would pickle such a column object by object. A column goes this way only if it holds
    nothing but `str` and None, so that it comes back as it was.
    """
    columns = [
        place
        for place, dtype in enumerate(frame.dtypes)
        if _holds_objects(dtype) and _texts(frame.iloc[:, place])
    ]
    try:
        import pyarrow
    except ImportError:
        return NotImplemented
    if not columns:
        return NotImplemented
    taken = set(columns)
    rest = frame.iloc[:, [place for place in range(frame.shape[1]) if place not in taken]]
    arrays = [
        (place, frame.columns[place], pyarrow.array(frame.iloc[:, place], pyarrow.large_string()))
        for place in columns
    ]
    return frame_rebuilt, (rest, arrays, frame.columns, frame.attrs)


def _holds_objects(dtype):
    # pandas' own string type calls itself "O" too, and pickles its buffers by itself.
    return dtype.kind == "O" and isinstance(dtype, sys.modules["numpy"].dtype)


def _texts(column):
    return len(column) > 0 and set(map(type, column)) <= {str, type(None)}


def frame_rebuilt(rest, arrays, columns, attrs):
    """Put the columns of strings back into their frame."""
    import pandas

    frame = rest.copy(deep=False)
    for place, name, array in arrays:
        values = array.to_numpy(zero_copy_only=False)
        column = pandas.Series(values, index=frame.index, dtype=object)
        frame.insert(place, name, column, allow_duplicates=True)
    frame.columns = columns
    frame.attrs = attrs
    return frame


def tensor_reduced(tensor):
    """Copy a tensor to the CPU and note its device; autograd's graph stays behind."""
    torch = sys.modules["torch"]
    if type(tensor) not in (torch.Tensor, torch.nn.Parameter) or tensor.layout != torch.strided:
        return NotImplemented
    if tensor.is_quantized or tensor.is_meta:
        return NotImplemented
    plain = tensor.detach().cpu().contiguous()
    data = plain.reshape(-1).view(torch.uint8).numpy() if plain.numel() else None
    parameter = type(tensor) is torch.nn.Parameter
    told = (tuple(tensor.shape), str(tensor.dtype), str(tensor.device), tensor.requires_grad)
    return tensor_rebuilt, (data, *told, parameter)


def tensor_rebuilt(data, shape, dtype, device, requires_grad, parameter):
    """Put a tensor where it was; there must be such a device."""
    import torch

    kind = getattr(torch, dtype.partition(".")[2])
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise RuntimeError(f"it is on {device}, and there is no such device here")
    if data is None:
        tensor = torch.empty(shape, dtype=kind)
    else:
        tensor = torch.from_numpy(data).view(kind).reshape(shape)
    tensor = tensor.to(device)
    if parameter:
        return torch.nn.Parameter(tensor, requires_grad=requires_grad)
    return tensor.requires_grad_(requires_grad)


def describe(value):
    """Tell what a value must still be once it is restored."""
    kind = type(value)
    told = {"type": f"{kind.__module__}.{kind.__qualname__}"}
    try:
        if hasattr(value, "shape") and (hasattr(value, "dtype") or hasattr(value, "dtypes")):
            told["shape"] = [int(size) for size in value.shape]
            dtypes = getattr(value, "dtypes", None)
            told["dtype"] = (
                str(value.dtype) if dtypes is None else ", ".join(str(each) for each in dtypes)
            )[:1000]
        elif kind in (list, tuple, dict, set, frozenset, str, bytes, bytearray):
            told["length"] = len(value)
    except Exception:
        # A value's own properties may raise anything: then its type is all that is compared.
        return {"type": told["type"]}
    return told
