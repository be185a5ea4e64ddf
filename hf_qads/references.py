"""BibTeX of the papers that more than one part of the package stands on."""

from typing import Final

QADS: Final = """\
@article{ni2024exploring,
  title   = {Exploring the Mystery of Influential Data for Mathematical Reasoning},
  author  = {Ni, Xinzhe and Gong, Yeyun and Gou, Zhibin and Shen, Yelong and Yang, Yujiu and Duan, Nan and
    Chen, Weizhu},
  journal = {arXiv preprint arXiv:2404.01067},
  year    = {2024}
}
"""
MUGGLEMATH: Final = """\
@article{li2023mugglemath,
  title   = {MuggleMath: Assessing the Impact of Query and Response Augmentation on Math Reasoning},
  author  = {Li, Chengpeng and Yuan, Zheng and Yuan, Hongyi and Dong, Guanting and Lu, Keming and
    Wu, Jiancan and Tan, Chuanqi and Wang, Xiang and Zhou, Chang},
  journal = {arXiv preprint arXiv:2310.05506},
  year    = {2023}
}
"""
KCENTER: Final = """\
@inproceedings{sener2018active,
  title     = {Active Learning for Convolutional Neural Networks: A Core-Set Approach},
  author    = {Sener, Ozan and Savarese, Silvio},
  booktitle = {International Conference on Learning Representations},
  year      = {2018}
}
"""
D4: Final = """\
@inproceedings{tirumala2023d4,
  title     = {D4: Improving LLM Pretraining via Document De-Duplication and Diversification},
  author    = {Tirumala, Kushal and Simig, Daniel and Aghajanyan, Armen and Morcos, Ari S.},
  booktitle = {Advances in Neural Information Processing Systems},
  year      = {2023}
}
"""
LARGE_SCALE: Final = """\
@article{ivison2025largescale,
  title   = {Large-Scale Data Selection for Instruction Tuning},
  author  = {Ivison, Hamish and Zhang, Muru and Brahman, Faeze and Koh, Pang Wei and Dasigi, Pradeep},
  journal = {arXiv preprint arXiv:2503.01807},
  year    = {2025}
}
"""
IFD: Final = """\
@article{li2023quantity,
  title   = {From Quantity to Quality: Boosting LLM Performance with Self-Guided Data Selection for
             Instruction Tuning},
  author  = {Li, Ming and Zhang, Yong and Li, Zhitao and Chen, Jiuhai and Chen, Lichang and Cheng, Ning and
             Wang, Jianzong and Zhou, Tianyi and Xiao, Jing},
  journal = {arXiv preprint arXiv:2308.12032},
  year    = {2023}
}
"""
DEITA: Final = """\
@inproceedings{liu2024makes,
  title     = {What Makes Good Data for Alignment? A Comprehensive Study of Automatic Data Selection in
               Instruction Tuning},
  author    = {Liu, Wei and Zeng, Weihao and He, Keqing and Jiang, Yong and He, Junxian},
  booktitle = {International Conference on Learning Representations},
  year      = {2024}
}
"""
WICI: Final = """\
@article{han2026what,
  title   = {What Makes Good Instruction-Tuning Data? An In-Context Learning Perspective},
  author  = {Han, Guangzeng and Huang, Xiaolei},
  journal = {arXiv preprint arXiv:2604.25132},
  year    = {2026}
}
"""
LONGEST: Final = """\
@inproceedings{zhao2024long,
  title     = {Long Is More for Alignment: A Simple but Tough-to-Beat Baseline for Instruction Fine-Tuning},
  author    = {Zhao, Hao and Andriushchenko, Maksym and Croce, Francesco and Flammarion, Nicolas},
  booktitle = {International Conference on Machine Learning},
  year      = {2024}
}
"""
