"""What programs use: objects (`IoContext`), and images striped over them (`Image`, `BlockStore`)."""
