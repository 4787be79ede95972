"""Pictures with marks in the forms that people have them: COCO JSON, YOLO text, Pascal VOC, masks, and pairs."""

from edgecv_converters.data.annotated.find import find_annotated

__all__ = ["find_annotated"]
