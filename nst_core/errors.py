"""The exceptions of the package.

StyleTransferError      everything below; its text is one sentence for the user
|-- ImageError          an image file or its shape can't be used
|-- SettingsError       a setting is unknown, of the wrong kind or out of range
|-- RecipeError         a picture has no recipe, or one that can't be used
|-- WeightsError        the weights of a network are missing or damaged
`-- DeviceMemoryError   the picture does not fit into the memory of the device
"""


class StyleTransferError(Exception):
    """Base of all errors raised on purpose; `str(error)` tells the user what to do."""


class ImageError(StyleTransferError):
    """An image can't be read, is too large, or is too small."""


class SettingsError(StyleTransferError):
    """A setting has an unknown name, the wrong kind of value, or a value out of range."""


class RecipeError(StyleTransferError):
    """A file has no recipe, or one that is broken, hostile or of another version."""


class WeightsError(StyleTransferError):
    """The weights of a network are not on this machine, or are not what they should be."""


class DeviceMemoryError(StyleTransferError):
    """The device has too little memory for the working size that was asked for."""
