/* ait_weights.S - embeds a weights file: -DAIT_MODEL=resnet18 -DAIT_WEIGHTS_FILE='"resnet18.weights"'
 * defines resnet18_weights and resnet18_weights_end. */
#define CAT2(a, b) a##b
#define CAT(a, b) CAT2(a, b)
#define START CAT(AIT_MODEL, _weights)
#define END CAT(AIT_MODEL, _weights_end)

  .section .rodata.ait_weights, "a", @progbits
  .balign 64
  .globl START
  .type START, @object
START:
  .incbin AIT_WEIGHTS_FILE
  .globl END
END:
  .size START, END - START
  .section .note.GNU-stack, "", @progbits
