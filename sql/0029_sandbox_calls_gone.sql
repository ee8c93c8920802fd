-- Only the simulator used it, which answers 503 from here to its restart and loses nothing.
DROP TABLE IF EXISTS sandbox_calls;
