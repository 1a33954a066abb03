"""From a network and a GPU to the papers' tables: data, pretraining, evaluation and a report with one command."""
