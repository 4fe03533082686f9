"""The experiments of the papers, one file each; every result stands beside the published one."""
