"""Images as network block devices, for QEMU, nbdcopy, qemu-img and fio."""
