#!/bin/sh
# A job array of Slurm: each job embeds its share of the slices. Results that are there are not computed again: submit it once more after a failure.
#
#     INPUT=/data/texts OUTPUT=/data/vectors sbatch --array=0-63 tools/spark/examples/slurm-array.sh
#
# INPUT and OUTPUT are folders that all nodes see, and so are castor, its model and a Python with tools/spark/requirements.txt (pyspark is not needed).
#SBATCH --job-name=castor-embed
#SBATCH --cpus-per-task=2
#SBATCH --mem=4G
#SBATCH --requeue
set -eu
# Slurm runs a copy of this file: the project is where sbatch was called.
exec "${PYTHON:-python3}" "${CASTOR_PROJECT:-${SLURM_SUBMIT_DIR:-.}}/tools/spark/embed_share.py" "$INPUT" "$OUTPUT" \
    --share "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT" --threads "${SLURM_CPUS_PER_TASK:-1}" "$@"
