"""Settings -> running system. The only place that names adapters; also the supervisor of several workers."""
