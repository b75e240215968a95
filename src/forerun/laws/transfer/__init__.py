"""Laws of what comes after or beside pre-training: fine-tuning, transfer, alignment, distillation, translation."""
