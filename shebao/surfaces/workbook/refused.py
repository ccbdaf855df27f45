"""Why an uploaded file is refused as a whole. Every sentence says what is wrong and what to do; nothing of the file is taken."""

from shebao.base.errors import ShebaoError

# Code -> what it means, for the manual. The sentences are at the places that raise them, with the names and rows they speak of.
UPLOAD_CODES: dict[str, str] = {
    "UPL-01": "文件类型不是 .xlsx、.xls 或 .csv",
    "UPL-02": "文件是空的",
    "UPL-03": "文件太大",
    "UPL-04": "文件扩展名与内容不符",
    "UPL-05": "文件已损坏或不完整",
    "UPL-06": "文件解压后过大",
    "UPL-07": "文件内部结构不正常",
    "UPL-08": "文件带有 DTD 或实体声明",
    "UPL-09": "文件带有宏",
    "UPL-10": "文件引用了外部数据",
    "UPL-11": "文件嵌入了其他对象",
    "UPL-12": "文件设有打开密码",
    "UPL-13": "文件内部登记的大小与实际不符",
    "UPL-14": "单元格引用了不存在的文字",
    "UPL-15": "行数超过上限",
    "UPL-16": "表格之外还有零散内容",
    "UPL-17": "单元格里有公式",
    "UPL-18": "数据区有合并单元格",
    "UPL-19": "单元格里是错误值",
    "UPL-20": "工作簿使用 1904 日期系统",
    "UPL-21": "没有模板编号",
    "UPL-22": "用了其他事项的模板",
    "UPL-23": "模板版本不对",
    "UPL-24": "表头与模板不一致",
    "UPL-25": "没有找到表头",
    "UPL-26": "没有填写任何数据",
    "UPL-27": "第一个工作表不是普通表格",
    "UPL-28": "压缩包里不是 .xlsx 工作簿",
    "UPL-29": "读取文件用去过多内存或时间",
    "UPL-30": "CSV 文件的文字编码无法识别",
    "UPL-31": "CSV 文件混用了两种文字编码",
    "UPL-32": "文件里有空字符（NUL）",
    "UPL-33": "CSV 文件的行或引号不完整",
}

DAMAGED = "文件已损坏或没有传完整，请在电脑上确认能打开后重新上传"


class UploadRefused(ShebaoError):
    """The file as a whole is refused. `code` is one of UPLOAD_CODES."""

    status = 422

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        assert code in UPLOAD_CODES, code
        self.code = code
