"""BibTeX of the datasets in the catalogue."""

from typing import Final


def _arxiv(key: str, title: str, authors: str, year: int, number: str) -> str:
    return (
        f"@misc{{{key},\n  title = {{{title}}},\n  author = {{{authors}}},\n  year = {{{year}}},\n"
        f"  eprint = {{{number}}},\n  archivePrefix = {{arXiv}}\n}}"
    )


def _venue(key: str, title: str, authors: str, year: int, venue: str) -> str:
    return (
        f"@inproceedings{{{key},\n  title = {{{title}}},\n  author = {{{authors}}},\n  year = {{{year}}},\n"
        f"  booktitle = {{{venue}}}\n}}"
    )


def _repository(key: str, title: str, authors: str, year: int, address: str) -> str:
    return (
        f"@misc{{{key},\n  title = {{{title}}},\n  author = {{{authors}}},\n  year = {{{year}}},\n"
        f"  howpublished = {{\\url{{{address}}}}}\n}}"
    )


AQUA_RAT: Final = _venue(
    "ling2017program",
    "Program Induction by Rationale Generation: Learning to Solve and Explain Algebraic Word Problems",
    "Wang Ling and Dani Yogatama and Chris Dyer and Phil Blunsom",
    2017,
    "ACL",
)
CAMEL: Final = _venue(
    "li2023camel",
    'CAMEL: Communicative Agents for "Mind" Exploration of Large Language Model Society',
    "Guohao Li and Hasan Abed Al Kader Hammoud and Hani Itani and Dmitrii Khizbullin and Bernard Ghanem",
    2023,
    "NeurIPS",
)
MATHINSTRUCT: Final = _venue(
    "yue2024mammoth",
    "MAmmoTH: Building Math Generalist Models through Hybrid Instruction Tuning",
    "Xiang Yue and Xingwei Qu and Ge Zhang and Yao Fu and Wenhao Huang and Huan Sun and Yu Su and Wenhu Chen",
    2024,
    "ICLR",
)
GSM8K: Final = _arxiv(
    "cobbe2021gsm8k",
    "Training Verifiers to Solve Math Word Problems",
    "Karl Cobbe and Vineet Kosaraju and Mohammad Bavarian and Mark Chen and Heewoo Jun and Lukasz Kaiser and "
    "Matthias Plappert and Jerry Tworek and Jacob Hilton and Reiichiro Nakano and Christopher Hesse and "
    "John Schulman",
    2021,
    "2110.14168",
)
SCREL: Final = _arxiv(
    "yuan2023scaling",
    "Scaling Relationship on Learning Mathematical Reasoning with Large Language Models",
    "Zheng Yuan and Hongyi Yuan and Chengpeng Li and Guanting Dong and Keming Lu and Chuanqi Tan and "
    "Chang Zhou and Jingren Zhou",
    2023,
    "2308.01825",
)
MATH: Final = _venue(
    "hendrycks2021math",
    "Measuring Mathematical Problem Solving With the MATH Dataset",
    "Dan Hendrycks and Collin Burns and Saurav Kadavath and Akul Arora and Steven Basart and Eric Tang and "
    "Dawn Song and Jacob Steinhardt",
    2021,
    "NeurIPS Datasets and Benchmarks",
)
THEOREMQA: Final = _venue(
    "chen2023theoremqa",
    "TheoremQA: A Theorem-driven Question Answering Dataset",
    "Wenhu Chen and Ming Yin and Max Ku and Pan Lu and Yixin Wan and Xueguang Ma and Jianyu Xu and "
    "Xinyi Wang and Tony Xia",
    2023,
    "EMNLP",
)
DMATH: Final = _venue(
    "kim2023aint",
    "It Ain't Over: A Multi-aspect Diverse Math Word Problem Dataset",
    "Jiwoo Kim and Youngbin Kim and Ilwoong Baek and JinYeong Bak and Jongwuk Lee",
    2023,
    "EMNLP",
)
LILA: Final = _venue(
    "mishra2022lila",
    "LILA: A Unified Benchmark for Mathematical Reasoning",
    "Swaroop Mishra and Matthew Finlayson and Pan Lu and Leonard Tang and Sean Welleck and Chitta Baral and "
    "Tanmay Rajpurohit and Oyvind Tafjord and Ashish Sabharwal and Peter Clark and Ashwin Kalyan",
    2022,
    "EMNLP",
)
METAMATH: Final = _venue(
    "yu2024metamath",
    "MetaMath: Bootstrap Your Own Mathematical Questions for Large Language Models",
    "Longhui Yu and Weisen Jiang and Han Shi and Jincheng Yu and Zhengying Liu and Yu Zhang and "
    "James T. Kwok and Zhenguo Li and Adrian Weller and Weiyang Liu",
    2024,
    "ICLR",
)
MMIQC: Final = _arxiv(
    "liu2024augmenting",
    "Augmenting Math Word Problems via Iterative Question Composing",
    "Haoxiong Liu and Yifan Zhang and Yifan Luo and Andrew Chi-Chih Yao",
    2024,
    "2401.09003",
)
KPMATH: Final = _arxiv(
    "huang2024key",
    "Key-Point-Driven Data Synthesis with its Enhancement on Mathematical Reasoning",
    "Yiming Huang and Xiao Liu and Yeyun Gong and Zhibin Gou and Yelong Shen and Nan Duan and Weizhu Chen",
    2024,
    "2403.02333",
)
OPENMATH: Final = _arxiv(
    "toshniwal2024openmath",
    "OpenMathInstruct-1: A 1.8 Million Math Instruction Tuning Dataset",
    "Shubham Toshniwal and Ivan Moshkov and Sean Narenthiran and Daria Gitman and Fei Jia and Igor Gitman",
    2024,
    "2402.10176",
)
PLATYPUS: Final = _arxiv(
    "lee2023platypus",
    "Platypus: Quick, Cheap, and Powerful Refinement of LLMs",
    "Ariel N. Lee and Cole J. Hunter and Nataniel Ruiz",
    2023,
    "2308.07317",
)
TAL: Final = _repository(
    "tal2023scq5k", "TAL-SCQ5K", "{TAL Education Group}", 2023, "https://github.com/math-eval/TAL-SCQ5K"
)
ALPACA: Final = _repository(
    "taori2023alpaca",
    "Stanford Alpaca: An Instruction-following LLaMA model",
    "Rohan Taori and Ishaan Gulrajani and Tianyi Zhang and Yann Dubois and Xuechen Li and "
    "Carlos Guestrin and Percy Liang and Tatsunori B. Hashimoto",
    2023,
    "https://github.com/tatsu-lab/stanford_alpaca",
)
BAIZE: Final = _venue(
    "xu2023baize",
    "Baize: An Open-Source Chat Model with Parameter-Efficient Tuning on Self-Chat Data",
    "Canwen Xu and Daya Guo and Nan Duan and Julian McAuley",
    2023,
    "EMNLP",
)
COT: Final = _venue(
    "wei2022chain",
    "Chain-of-Thought Prompting Elicits Reasoning in Large Language Models",
    "Jason Wei and Xuezhi Wang and Dale Schuurmans and Maarten Bosma and Brian Ichter and Fei Xia and "
    "Ed Chi and Quoc V. Le and Denny Zhou",
    2022,
    "NeurIPS",
)
WIZARDLM: Final = _arxiv(
    "xu2023wizardlm",
    "WizardLM: Empowering Large Language Models to Follow Complex Instructions",
    "Can Xu and Qingfeng Sun and Kai Zheng and Xiubo Geng and Pu Zhao and Jiazhan Feng and Chongyang Tao and "
    "Qingwei Lin and Daxin Jiang",
    2023,
    "2304.12244",
)
FLAN: Final = _venue(
    "longpre2023flan",
    "The Flan Collection: Designing Data and Methods for Effective Instruction Tuning",
    "Shayne Longpre and Le Hou and Tu Vu and Albert Webson and Hyung Won Chung and Yi Tay and Denny Zhou and "
    "Quoc V. Le and Barret Zoph and Jason Wei and Adam Roberts",
    2023,
    "ICML",
)
OASST: Final = _venue(
    "kopf2023openassistant",
    "OpenAssistant Conversations: Democratizing Large Language Model Alignment",
    'Andreas K{\\"o}pf and Yannic Kilcher and Dimitri von R{\\"u}tte and Sotiris Anagnostidis and others',
    2023,
    "NeurIPS Datasets and Benchmarks",
)
SELF_INSTRUCT: Final = _venue(
    "wang2023self",
    "Self-Instruct: Aligning Language Models with Self-Generated Instructions",
    "Yizhong Wang and Yeganeh Kordi and Swaroop Mishra and Alisa Liu and Noah A. Smith and "
    "Daniel Khashabi and Hannaneh Hajishirzi",
    2023,
    "ACL",
)
GPTEACHER: Final = _repository(
    "teknium2023gpteacher", "GPTeacher", "Teknium", 2023, "https://github.com/teknium1/GPTeacher"
)
P3: Final = _venue(
    "sanh2022multitask",
    "Multitask Prompted Training Enables Zero-Shot Task Generalization",
    "Victor Sanh and Albert Webson and Colin Raffel and Stephen H. Bach and others",
    2022,
    "ICLR",
)
NUMGLUE: Final = _venue(
    "mishra2022numglue",
    "NumGLUE: A Suite of Fundamental yet Challenging Mathematical Reasoning Tasks",
    "Swaroop Mishra and Arindam Mitra and Neeraj Varshney and Bhavdeep Sachdeva and Peter Clark and "
    "Chitta Baral and Ashwin Kalyan",
    2022,
    "ACL",
)
MATHEMATICS: Final = _venue(
    "saxton2019analysing",
    "Analysing Mathematical Reasoning Abilities of Neural Models",
    "David Saxton and Edward Grefenstette and Felix Hill and Pushmeet Kohli",
    2019,
    "ICLR",
)
MMLU: Final = _venue(
    "hendrycks2021mmlu",
    "Measuring Massive Multitask Language Understanding",
    "Dan Hendrycks and Collin Burns and Steven Basart and Andy Zou and Mantas Mazeika and Dawn Song and "
    "Jacob Steinhardt",
    2021,
    "ICLR",
)
AGIEVAL: Final = _arxiv(
    "zhong2023agieval",
    "AGIEval: A Human-Centric Benchmark for Evaluating Foundation Models",
    "Wanjun Zhong and Ruixiang Cui and Yiduo Guo and Yaobo Liang and Shuai Lu and Yanlin Wang and "
    "Amin Saied and Weizhu Chen and Nan Duan",
    2023,
    "2304.06364",
)
SIMULEQ: Final = _venue(
    "koncel2016mawps",
    "MAWPS: A Math Word Problem Repository",
    "Rik Koncel-Kedziorski and Subhro Roy and Aida Amini and Nate Kushman and Hannaneh Hajishirzi",
    2016,
    "NAACL",
)
SVAMP: Final = _venue(
    "patel2021nlp",
    "Are NLP Models really able to Solve Simple Math Word Problems?",
    "Arkil Patel and Satwik Bhattamishra and Navin Goyal",
    2021,
    "NAACL",
)
