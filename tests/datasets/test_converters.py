"""From the published file to the table: on small files written here, and on whole ones built from the tables."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from runpy import run_path
from textwrap import dedent

import pytest

from forerun import datasets
from forerun.datasets import registry
from forerun.datasets.upstream import CONVERTERS

PUBLISHED = run_path(str(Path(__file__).with_name("published.py")))
MADE = [name for name in datasets.names() if datasets.get(name).converter]

CASES = {
    "as_published": ("a,b\n1,2\n", "a,b\n1,2\n"),
    "isoflop_points": (
        "source,provenance,dataset,model,condition,experiment,tokens,params,budget,loss\n"
        "s,p,web,dense,raw,s__raw,2e9,1e8,1.2e+18,3.5\n",
        "dataset,model,condition,tokens,params,flops,loss\nweb,dense,raw,2e9,1e8,1.2e+18,3.5\n",
    ),
    "grid_of_shapes": (
        '{"d=96_l=4_h=12-8-0.003-0.033-8-202523520-100-3e-05": 5.25}',
        "config,d_model,n_layers,n_heads,batch_field_a,lr,weight_decay,batch_field_b,tokens,warmup_steps,lr_final,loss\n"
        "d=96_l=4_h=12-8-0.003-0.033-8-202523520-100-3e-05,96,4,12,8,0.003,0.033,8,202523520,100,3e-05,5.25\n",
    ),
    "data_repetition_finals": (
        "index,data,epochs,token_num,openLM_loss,num_params,model_args,tokens_per_epoch,flops,checkpoint\n"
        "0,c4,2.2,55100000000.0,3.5,2810000000.0,{'name': '2b855b1b25'},1500000000.0,9.3e+20,a link\n"
        "1,c4,15.0,1500000000.0,5.5,14100000.0,{'name': '14m1b5100m'},1500000000.0,1.3e+17,a link\n",
        "source_name,dataset,params,tokens,tokens_unique,epochs,epochs_source,flops_6nd,loss\n"
        "2b855b1b25,c4,2810000000.0,55100000000.0,1250000000.0,44.08,2.2,9.28986e+20,3.5\n"
        "14m1b5100m,c4,14100000.0,1500000000.0,100000000.0,15.0,15.0,1.269e+17,5.5\n",
    ),
    "data_repetition_curves": (
        "index,data,epochs,token_num,loss,num_params,model_args,tokens_per_epoch,flops,checkpoint\n"
        "0,c4,44,1000,7.5,2.8B,{'tensorboard': 'ab'},1250000000.0,1e+22,a link\n"
        "1,c4,44,2000,6.5,2.8B,{'tensorboard': 'ab'},1250000000.0,1e+22,a link\n"
        "2,oscar,1,1000,7.25,8.7B,{'tensorboard': 'cd'},178000000000.0,1e+22,a link\n",
        "dataset,params,epochs_final,tokens_unique,tokens,loss,run\n"
        "c4,2810000000.0,44,1250000000.0,1000,7.5,0\nc4,2810000000.0,44,1250000000.0,2000,6.5,0\n"
        "oscar,8670000000.0,1,178000000000.0,1000,7.25,1\n",
    ),
    "openlm_checkpoints": (
        "loss,C4 Eval Loss,N,N_no_emb,D,C,C_no_emb,C_6ND,C_6ND_no_emb,portion_steps_elapsed,model,train_tokens,"
        "total_steps,current_steps,total_epochs,current_epoch,peak_lr,sweep\n"
        "5.5,5.25,100,40,1000,600001,240001,600000,240000,0.5,tiny,1000,256,128,2,1,0.002,monday\n"
        "4.5,4.25,100,40,2000,1200001,480001,1200000,480000,1.0,tiny,2000,256,256,2,2,0.002,tuesday\n",
        "model,sweep,params,params_non_embedding,lr,steps,step,tokens,flops_6nd,flops_6nd_non_embedding,loss_c4,is_final\n"
        "tiny,0,100,40,0.002,256,128,1000,600000.0,240000.0,5.25,0\n"
        "tiny,1,100,40,0.002,256,256,2000,1200000.0,480000.0,4.25,1\n",
    ),
    "grammar_runs": (
        '{"dataset_name": "/easy-10M", "dataset_gzip": [0.25, 0.125], "token_ct": 99, "model_stats": {"vocab_size": 7, '
        '"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 1, '
        '"max_position_embeddings": 256}, "model_size": 4000, "num_epochs": 1, "train_loss": [9.5, 8.5], '
        '"valid_loss": [9.25, 8.25]}\n',
        "dataset,gzip_ratio,gzip_ratio_std,tokens,epochs,params,vocab_size,d_model,d_ff,n_layers,n_heads,context_length,"
        "train_loss_last,valid_loss_last\neasy-10M,0.25,0.125,99,1,4000,7,64,128,2,1,256,8.5,8.25\n",
    ),
    "mixture_predictions": (
        json.dumps({"books": {"0.25-0.75": {"30000": [2.5, 2.25]}, "0.5-0.5": {"30000": [2.0, 2.125]}}}, indent=4),
        "domain,ratio,step,loss_predicted,loss_observed\nbooks,0.25-0.75,30000,2.5,2.25\nbooks,0.5-0.5,30000,2.0,2.125\n",
    ),
    "width_ladder": (
        "# widths\nshapes = [128, 256,\n 384, 512]\nx = [8.53, 21.56, 39.09, 61.12] \ntrain_loss = [3.5,3.25,3.125, 3.0]\n",
        "d_model,params,step,train_loss,is_train\n128,8530000.0,20000,3.5,1\n256,21560000.0,20000,3.25,0\n"
        "384,39090000.0,20000,3.125,0\n512,61120000.0,20000,3.0,0\n",
    ),
    "emergent_tasks": (
        "Model,qa_acc,unscrambling\na/one,0.2514285714285714,1.0\na/two,,0.0717846460618145\n",
        "model,qa_acc,unscrambling\na/one,0.25142857,1\na/two,,0.071784646\n",
    ),
    "base_benchmarks": (
        "Model,Model Family,Model Size (B),Pretraining Data Size (T),FLOPs (1E21),MMLU,HumanEval\n"
        "a/one,One,7.0,1.259,52.87799999999999,0.2683568415711797,\n",
        "model,family,params_b,tokens_t,flops_1e21,MMLU,HumanEval\na/one,One,7.0,1.259,52.878,0.26835684,\n",
    ),
    "post_training": (
        'Model,"gsm8k_5_exact_match,strict-match",bbh_fewshot_navigate_3,bbh_fewshot_overall_3\na/one,0.125,0.5,0.25\n'
        "a/two,,0.5,0.1234567891\n",
        'model,metric,value\na/one,"gsm8k_5_exact_match,strict-match",0.125\na/one,bbh_fewshot_overall_3,0.25\n'
        "a/two,bbh_fewshot_overall_3,0.12345679\n",
    ),
    "clip_scores": (
        "arch,samples_seen,gmacs,upstream_dataset,downstream_dataset,acc1,acc5,task,samples_seen_pretty,name\n"
        "ViT-B-32,12800000000.0,7.399999999999999,web,birds,0.7138686446015579,,zeroshot,13B,model.pt\n"
        "ViT-g-14,12208147020.0,290.74,web,birds,0.75,,zeroshot,13B,large.pt\n",
        "arch,samples_seen,gmacs,upstream_dataset,downstream_dataset,acc1,acc5,task,name\n"
        "ViT-B-32,1.28e+10,7.4,web,birds,0.71386864,,zeroshot,model.pt\n",
    ),
    "fine_tuning_flan": (
        "config name,0,200,size,family\nb/two,4.5,3.25,2000,B\na/one,4.04614162445068,3.5,1000,A\n",
        "model,params,family,d_finetune,test_loss,task\na/one,1000,A,0,4.04614162,flan\na/one,1000,A,200,3.5,flan\n"
        "b/two,2000,B,0,4.5,flan\nb/two,2000,B,200,3.25,flan\n",
    ),
    "fine_tuning_wmt19": (
        "config name,0,size,family\na/one,4.5,1000,A\n",
        "model,params,family,d_finetune,test_loss,task\na/one,1000,A,0,4.5,wmt19\n",
    ),
    "addition_curve": (
        "import numpy as np\n\nx = np.array([160,  192, \n  256])\n\ny = np.array([2.5, 2.25, \n  2.125])\n",
        "task,dataset_size,test_cross_entropy,train\naddition_4_digit,160,2.5,1\naddition_4_digit,192,2.25,1\n"
        "addition_4_digit,256,2.125,1\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(CONVERTERS))
def test_a_small_published_file_becomes_its_table(name):
    published, expected = CASES[name]
    assert CONVERTERS[name](published.encode()).decode() == expected


@pytest.mark.parametrize("name", MADE)
def test_a_published_file_is_fetched_and_becomes_the_registered_table(table, monkeypatch, serve, name):
    """The registered SHA-256 decides. Where the file is built without loss, it has to be the published one too."""
    with open(table(name), encoding="utf-8", newline="") as lines:
        published = PUBLISHED["BUILDERS"][name](list(csv.DictReader(lines)))
    entry = datasets.get(name)
    if name not in PUBLISHED["REAL"]:
        upstream = replace(entry.upstream, sha256=sha256(published).hexdigest())
        monkeypatch.setitem(registry._tables(), name, replace(entry, upstream=upstream))
    address, stop = serve({f"{entry.repository}/{entry.commit}/{entry.upstream.path}": published})
    monkeypatch.setenv("FORERUN_UPSTREAM", address)
    made = datasets.path(name)
    assert made.read_bytes() == table(name).read_bytes()
    stop()
    assert datasets.path(name) == made


def test_real_bytes_are_claimed_only_where_they_were_tried():
    whole = {name for name in MADE if datasets.get(name).checked == "whole file"}
    assert whole == PUBLISHED["REAL"] | {"mu_scaling10"}  # a script of 1554 bytes, read whole when this was written


def test_a_python_file_without_the_list_is_refused_not_run():
    with pytest.raises(ValueError, match="assigns no list to shapes"):
        CONVERTERS["width_ladder"](dedent("raise SystemExit\nx = [1]\n").encode())
