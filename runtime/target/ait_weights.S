/* ait_weights.S - embeds a weights file: -DAIT_WEIGHTS=resnet18_weights -DAIT_WEIGHTS_END=resnet18_weights_end
 * -DAIT_WEIGHTS_FILE='"resnet18.weights"' defines the two symbols. */
  .section .rodata.ait_weights, "a", @progbits
  .balign 64
  .globl AIT_WEIGHTS
  .type AIT_WEIGHTS, @object
AIT_WEIGHTS:
  .incbin AIT_WEIGHTS_FILE
  .globl AIT_WEIGHTS_END
AIT_WEIGHTS_END:
  .size AIT_WEIGHTS, AIT_WEIGHTS_END - AIT_WEIGHTS
  .section .note.GNU-stack, "", @progbits
