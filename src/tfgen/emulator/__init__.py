"""An AWS inside the laptop: ministack in one process, with the gaps that matter here mended."""
